"""Which source URLs are refused at once: those that name an address inside.

Names are not resolved here. Where a URL leads is checked by the processor, when it connects.
"""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from darkroom_core.addresses import is_in, is_public

from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField


def refuse_private_addresses(
    spec: dict[str, Any], allowed: Sequence[IPv4Network | IPv6Network], *, pointer: str = "#"
) -> None:
    """Raise InvalidError where a URL in the spec can be seen to lead to no public address."""
    refused = [
        InvalidField(pointer=place, detail=sentence)
        for place, url in _urls(spec, pointer)
        if (sentence := _refusal(url, allowed))
    ]
    if refused:
        raise InvalidError(f"{refused[0].pointer}: {refused[0].detail}", errors=refused)


def _refusal(url: str, allowed: Sequence[IPv4Network | IPv6Network]) -> str | None:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        return "the URL names no host"
    address = _literal(host)
    if address is None or is_public(address) or is_in(address, allowed):
        return None
    return (
        f"{address} is not on the public internet: use a public URL, upload the file, or ask the "
        "operator of this Darkroom to allow its network"
    )


def _literal(host: str) -> str | None:
    """Return the address that a host is written as, also in the ways of old: 127.1, 0x7f000001."""
    try:
        # With a zone, it is the same address.
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except (OSError, ValueError):
        return None


def _urls(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield f"{pointer}/url", value["url"]
        for name, inner in value.items():
            yield from _urls(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _urls(inner, f"{pointer}/{number}")
