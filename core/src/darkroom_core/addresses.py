"""Which addresses a user's URL may lead to: public ones, and networks that are allowed by name."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final

# Addresses of these kinds carry an IPv4 address that a gateway may open again.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_CARRIES_V4: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))


def is_public(text: str) -> bool:
    """Whether an address is one that anybody on the internet can have."""
    address = unwrapped(text)
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


def is_in(text: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of the networks."""
    address = unwrapped(text)
    return any(address in network for network in networks)


def unwrapped(text: str) -> IPv4Address | IPv6Address:
    """Return the address that is reached: some of IPv6 stand for one of IPv4."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
