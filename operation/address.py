"""Address: where clients reach a server, over HTTP and over WebSocket."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from settings import Settings

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


@dataclass(frozen=True)
class Address:
    """A server's host and port, and whether it uses TLS."""

    netloc: str
    is_secure: bool

    @property
    def http(self) -> str:
        return f"http{'s' * self.is_secure}://{self.netloc}"

    @property
    def ws(self) -> str:
        return f"ws{'s' * self.is_secure}://{self.netloc}"

    def host_and_port(self) -> tuple[str, int]:
        """The host without the brackets of IPv6, and the port, which may be the scheme's default."""
        parts = urlsplit(self.ws)
        return parts.hostname or "", parts.port or (443 if self.is_secure else 80)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by its name or its address."""
        host = self.host_and_port()[0]
        ip = _ip(host)
        return host == "localhost" or (ip is not None and ip.is_loopback)


def address_of(settings: Settings, port: int) -> Address:
    """The address for clients on this machine: localhost, if the server listens on loopback or on every interface."""
    ip = _ip(settings.host)
    if ip is not None and (ip.is_unspecified or ip == ipaddress.ip_address("127.0.0.1")):
        return Address(f"localhost:{port}", bool(settings.tls_certificate))
    return listening_address(settings, port)


def listening_address(settings: Settings, port: int) -> Address:
    """The address that the server listens on, as the settings name it. IPv6 is in brackets."""
    ip = _ip(settings.host)
    host = f"[{ip}]" if ip is not None and ip.version == 6 else settings.host
    return Address(f"{host}:{port}", bool(settings.tls_certificate))


def parse_address(url: str) -> Address:
    """The address in ws://host:port, wss://…, http://… or https://…. Raises ValueError with a message."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is not a URL") from None
    if parts.scheme not in _SECURE or not parts.hostname or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise ValueError(f"{url!r} is not of the form ws://host:port or wss://host:port")
    return Address(parts.netloc, _SECURE[parts.scheme])


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address, if it is one and not a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
