"""Addresses: the key under which limits count a client's address."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NETWORK_BITS = 64
"""Of an IPv6 address, the part that identifies the subscriber (RFC 4291 §2.5.4). The rest is the client's choice."""

_TEXT_LIMIT = 64
"""More than any address has."""

_KEPT = 4096
"""Results that are kept. Each new socket asks for its address several times."""


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, or None if the text is none."""
    return _parsed(text) if len(text) <= _TEXT_LIMIT else None


def address_key(address: str) -> str:
    """The key of an address: an IPv4 address as it is, an IPv6 address reduced to its /64.

    An IPv4 address that is mapped into IPv6 counts as IPv4. Each loopback address counts for itself.
    """
    return _key(address[:_TEXT_LIMIT])


@lru_cache(_KEPT)
def _key(address: str) -> str:
    parsed = parsed_address(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed.is_loopback:
        return str(parsed)
    return str(IPv6Network((int(parsed), NETWORK_BITS), strict=False))


@lru_cache(_KEPT)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
