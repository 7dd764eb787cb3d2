"""Whom an address stands for, where requests are counted by address."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

_PREFIX: Final = 64
"""Of IPv6 everybody has 2^64 addresses at least."""


def address_of(scope: Scope) -> str:
    """Return the client's address as it is counted: behind trusted proxies what they say."""
    client = scope.get("client")
    if not client:
        return "unknown"
    try:
        address = ip_address(client[0])
    except ValueError:
        return str(client[0])[:64]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address.packed, _PREFIX), strict=False))
    return str(address)
