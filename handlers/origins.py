"""Origins: which hosts and web origins a request may name, and the client's real address."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from models.errors import Forbidden
from settings import Settings

HOST_NOT_ALLOWED = "This server does not answer to that host name. Set ROLLCALL_ALLOWED_HOSTS to allow it."
ORIGIN_NOT_ALLOWED = "Web pages from this origin are not allowed. Set ROLLCALL_ALLOWED_ORIGINS to allow them."


class Origins:
    """The rules for Host, Origin, Sec-Fetch-Site and X-Forwarded-For.

    A host name must be known. Otherwise an attacker could point a name at this server (DNS rebinding), and a page at
    that name would count as the server's own. IP addresses are always allowed, because they cannot be rebound.
    """

    def __init__(self, settings: Settings) -> None:
        self._hosts = {"localhost", settings.host.lower(), *(each.lower() for each in settings.allowed_hosts)}
        self._origins = {each.lower().rstrip("/") for each in settings.allowed_origins}
        self._proxies = [ipaddress.ip_network(each, strict=False) for each in settings.trusted_proxies]

    def check(self, request: HTTPServerRequest) -> None:
        """Raise Forbidden if the request does not name this server, or comes from a page of a foreign origin."""
        host = request.headers.get("Host", "").lower()
        if not self.allows_host(host):
            raise Forbidden("HOST_NOT_ALLOWED", HOST_NOT_ALLOWED)
        origin = request.headers.get("Origin")
        if origin is None:
            site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
            allowed = site != "cross-site" or (mode == "navigate" and request.method == "GET")
        else:
            allowed = self.allows_origin(origin, host)
        if not allowed:
            raise Forbidden("ORIGIN_NOT_ALLOWED", ORIGIN_NOT_ALLOWED)

    def allows_host(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = _hostname(host)
        return name is not None and (name in self._hosts or _is_address(name))

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether pages from the origin may send requests to this server under the name `host`."""
        return self.is_own(origin, host) or origin.lower() in self._origins

    def is_own(self, origin: str, host: str) -> bool:
        """Whether the origin is this server's own, under the name `host`."""
        parts = _split(origin.lower())
        return parts is not None and parts[0] in ("http", "https") and parts[1] == host.lower()

    def is_https(self, request: HTTPServerRequest) -> bool:
        """Whether the client uses TLS, either with this server or with a trusted proxy in front of it."""
        said = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        return request.protocol == "https" or (said and self._is_proxy(str(request.remote_ip)))

    def address(self, request: HTTPServerRequest) -> str:
        """The client's address. Behind trusted proxies, it is the last address that is not such a proxy."""
        address = str(request.remote_ip)
        forwarded = request.headers.get("X-Forwarded-For", "")
        for hop in reversed([each.strip() for each in forwarded.split(",") if each.strip()]):
            if not self._is_proxy(address) or not _is_address(hop):
                break
            address = hop
        return address

    def counts_by_address(self, address: str) -> bool:
        """Whether limits per address apply to an address. Many clients share loopback or a trusted proxy."""
        return _is_address(address) and not (ipaddress.ip_address(address).is_loopback or self._is_proxy(address))

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ipaddress.ip_address(address) in network for network in self._proxies)


def _hostname(host: str) -> str | None:
    """The host name in a Host header, without port and brackets; None if it is malformed."""
    parts = _split(f"//{host}")
    if parts is None or parts[1] != host or not host:
        return None
    return urlsplit(f"//{host}").hostname


def _split(url: str) -> tuple[str, str] | None:
    """(scheme, netloc) of a URL that has no other parts; None for any other URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return (parts.scheme, parts.netloc) if bare and parts.hostname else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
