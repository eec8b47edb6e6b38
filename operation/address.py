"""Address: where a client on this machine finds a server, over HTTP and over WebSocket."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from settings import Settings

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


@dataclass(frozen=True)
class Address:
    """A server's host and port, and whether it speaks TLS."""

    netloc: str
    is_secure: bool

    @property
    def http(self) -> str:
        return f"http{'s' * self.is_secure}://{self.netloc}"

    @property
    def ws(self) -> str:
        return f"ws{'s' * self.is_secure}://{self.netloc}"


def address_of(settings: Settings, port: int) -> Address:
    """The address of a server on this machine. Who listens everywhere, or on loopback, is called localhost."""
    host = settings.host
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return Address(f"{host or 'localhost'}:{port}", bool(settings.tls_certificate))
    if ip.is_unspecified or ip == ipaddress.ip_address("127.0.0.1"):
        host = "localhost"
    elif ip.version == 6:
        host = f"[{ip}]"
    return Address(f"{host}:{port}", bool(settings.tls_certificate))


def parse_address(url: str) -> Address:
    """The address in ws://host:port, wss://…, http://… or https://…. Raises ValueError in words."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no URL") from None
    if parts.scheme not in _SECURE or not parts.hostname or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise ValueError(f"{url!r} is not of the form ws://host:port or wss://host:port")
    return Address(parts.netloc, _SECURE[parts.scheme])
