"""Which addresses a URL may lead to: a user's URL reaches public addresses only.

What is checked here is what is connected to: the caller uses the addresses returned, and never
resolves the name again.
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_network

from darkroom_core.addresses import is_in, is_public

from darkroom_processor.errors import Code, Rejected


def addresses_of(host: str, port: int) -> list[str]:
    """Return every address of a host, in the resolver's order; raises OSError for none."""
    try:
        # As bytes, a plain name does without the tables for international ones.
        name = host.encode() if host.isascii() else host.encode("idna")
    except UnicodeError as error:
        raise OSError(f"{host} is no host's name") from error
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def public_addresses_of(host: str, port: int, allowed_networks: Sequence[str] = ()) -> list[str]:
    """Return a host's addresses, all of which are public or in `allowed_networks` (CIDR).

    Raises Rejected when one of them is not: a name must not be half inside.
    """
    addresses = addresses_of(host, port)
    if not all(is_public(address) or _is_in(address, allowed_networks) for address in addresses):
        raise Rejected(
            Code.SOURCE_FORBIDDEN_ADDRESS,
            f"The source's host {host} is not on the public internet. Use a public URL, upload the "
            "file, or ask the operator of this Darkroom to allow its network.",
        )
    return addresses


def _is_in(text: str, networks: Sequence[str]) -> bool:
    try:
        return is_in(text, [ip_network(network, strict=False) for network in networks])
    except ValueError as error:
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"The assignment's allowedNetworks are not all networks: {error}. Write them as CIDR, "
            "for example 10.1.0.0/16.",
        ) from error
