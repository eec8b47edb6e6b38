"""Addresses: the key under which limits count a client's address."""

from __future__ import annotations

import ipaddress

NETWORK_BITS = 64
"""Of an IPv6 address, the part that identifies the subscriber (RFC 4291 §2.5.4). The rest is the client's choice."""

_TEXT_LIMIT = 64


def address_key(address: str) -> str:
    """The key of an address: an IPv4 address as it is, an IPv6 address reduced to its /64.

    An IPv4 address that is mapped into IPv6 counts as IPv4. Each loopback address counts for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:_TEXT_LIMIT]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed.is_loopback:
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), NETWORK_BITS), strict=False))
