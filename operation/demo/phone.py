"""Phone: a page with everyone's status for a phone in the same network, and the QR code that opens it."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable
from itertools import zip_longest

import segno

from operation.address import Address, listening_address
from settings import Settings

PAGE = "/static/demo.html"

_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
"""The character for two modules of a QR code, one above the other, by whether they are dark."""

_BLACK_ON_WHITE, _RESET = "\x1b[30;107m", "\x1b[0m"
"""A terminal's own colors may be the other way round, which not every camera reads."""

_SOME_ADDRESS = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737). Nothing is sent there."""


def network_address(settings: Settings, port: int, own_ip: Callable[[], str | None] | None = None) -> Address | None:
    """The server's address for others in the network, or None if it listens on loopback only or there is no network."""
    listening = listening_address(settings, port)
    if listening.is_loopback:
        return None
    if not _is_unspecified(settings.host):
        return listening
    ip = (own_ip or _own_ip)()
    return None if ip is None else Address(f"{ip}:{port}", listening.is_secure)


def for_phones(address: Address, token: str) -> str:
    """What the demo prints for phones: the address and the QR code. A browser never sends the part after `#`."""
    url = f"{address.http}{PAGE}#{token}"
    code = qr_code(url)
    shown = f"scan this code:\n\n{code}" if _can_show(code) else f"open this page:\n\n  {url}\n"
    return f"In the network, the server is at {address.http}\nTo see everyone on a phone, {shown}"


def qr_code(text: str) -> str:
    """A QR code as lines of text, for a terminal."""
    rows = [[bool(dark) for dark in row] for row in segno.make_qr(text, error="l").matrix_iter()]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=[False] * len(rows[0]))
    lines = ("".join(_BLOCKS[upper, lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs)
    return "".join(f"{_BLACK_ON_WHITE}{line}{_RESET}\n" for line in lines)


def _can_show(code: str) -> bool:
    """Whether the terminal has the characters of the code."""
    try:
        code.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _own_ip() -> str | None:
    """The IPv4 address that this machine uses towards others. Connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOME_ADDRESS)
        except OSError:
            return None
        ip: str = probe.getsockname()[0]
        return ip
