"""Origins: which hosts and web origins a request may name, and where it really came from."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from models.errors import Forbidden


class Origins:
    """Rules for Host, Origin, Sec-Fetch-Site and X-Forwarded-For.

    A name in Host must be known, or a page at a name that an attacker points here (DNS rebinding) would count as the
    server's own. An address in Host is always allowed: nobody can rebind it.
    """

    def __init__(
        self, host: str, allowed_hosts: tuple[str, ...], allowed_origins: tuple[str, ...], proxies: tuple[str, ...]
    ) -> None:
        self._hosts = {"localhost", host.lower(), *(each.lower() for each in allowed_hosts)}
        self._origins = {each.lower().rstrip("/") for each in allowed_origins}
        self._proxies = [ipaddress.ip_network(each, strict=False) for each in proxies]

    def check(self, request: HTTPServerRequest) -> None:
        """Raises Forbidden unless the request names this server and comes from a page that may ask."""
        host = request.headers.get("Host", "").lower()
        if not self.allows_host(host):
            raise Forbidden("HOST_NOT_ALLOWED", "This server does not go by that name; set ROLLCALL_ALLOWED_HOSTS")
        origin = request.headers.get("Origin")
        if origin is None:
            site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
            allowed = site != "cross-site" or (mode == "navigate" and request.method == "GET")
        else:
            allowed = self.allows_origin(origin, host)
        if not allowed:
            raise Forbidden("ORIGIN_NOT_ALLOWED", "Pages of that origin may not ask; set ROLLCALL_ALLOWED_ORIGINS")

    def allows_host(self, host: str) -> bool:
        """Whether this server goes by the name in a Host header."""
        name = _hostname(host)
        return name is not None and (name in self._hosts or _is_address(name))

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of the origin may ask the server that was called `host`."""
        return self.is_own(origin, host) or origin.lower() in self._origins

    def is_own(self, origin: str, host: str) -> bool:
        """Whether a page of the origin is one of this server, when that was called `host`."""
        parts = _split(origin.lower())
        return parts is not None and parts[0] in ("http", "https") and parts[1] == host.lower()

    def is_https(self, request: HTTPServerRequest) -> bool:
        """Whether the client speaks TLS: with us, or with a proxy that we trust to say so."""
        said = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        return request.protocol == "https" or (said and self._is_proxy(str(request.remote_ip)))

    def address(self, request: HTTPServerRequest) -> str:
        """The client's address: behind proxies we trust, the last one that isn't such a proxy."""
        address = str(request.remote_ip)
        forwarded = request.headers.get("X-Forwarded-For", "")
        for hop in reversed([each.strip() for each in forwarded.split(",") if each.strip()]):
            if not self._is_proxy(address) or not _is_address(hop):
                break
            address = hop
        return address

    def counts_by_address(self, address: str) -> bool:
        """Whether an address has a limit of its own: loopback and trusted proxies stand for many."""
        return _is_address(address) and not (ipaddress.ip_address(address).is_loopback or self._is_proxy(address))

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ipaddress.ip_address(address) in network for network in self._proxies)


def _hostname(host: str) -> str | None:
    """The name of a Host header, without port and brackets; None when it is malformed."""
    parts = _split(f"//{host}")
    if parts is None or parts[1] != host or not host:
        return None
    return urlsplit(f"//{host}").hostname


def _split(url: str) -> tuple[str, str] | None:
    """(scheme, netloc) of a URL that is nothing but these; None for any other."""
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
