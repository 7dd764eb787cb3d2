"""Which addresses a URL may lead to: a user's URL reaches public addresses only.

What is checked here is what is connected to: the caller uses the addresses returned, and never
resolves the name again.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from darkroom_processor.errors import Code, Rejected

# Addresses of these kinds carry an IPv4 address that a gateway may open again.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_CARRIES_V4: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))


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


def is_public(text: str) -> bool:
    """Whether an address is one that anybody on the internet can have."""
    address = _unwrapped(text)
    if isinstance(address, IPv6Address) and any(address in network for network in _CARRIES_V4):
        return False
    # Each of these has been called global by some release of Python.
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _is_in(text: str, networks: Sequence[str]) -> bool:
    address = _unwrapped(text)
    try:
        return any(address in ip_network(network, strict=False) for network in networks)
    except ValueError as error:
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"The assignment's allowedNetworks are not all networks: {error}. Write them as CIDR, "
            "for example 10.1.0.0/16.",
        ) from error


def _unwrapped(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
