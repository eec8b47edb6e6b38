"""Origins: which hosts and web origins a request may name, and the client's real address."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Literal, NamedTuple

from handlers.request_heads import RequestHead
from models.addresses import parsed_address
from models.errors import Forbidden
from settings import Settings, variable

HOST_NOT_ALLOWED = "This server does not answer to that host name. Set ROLLCALL_ALLOWED_HOSTS to allow it."
ORIGIN_NOT_ALLOWED = "Web pages from this origin are not allowed. Set ROLLCALL_ALLOWED_ORIGINS to allow them."
Refusal = Literal["HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"]
_MESSAGES: dict[Refusal, str] = {"HOST_NOT_ALLOWED": HOST_NOT_ALLOWED, "ORIGIN_NOT_ALLOWED": ORIGIN_NOT_ALLOWED}
SETTING_THAT_ALLOWS: dict[str | int, str] = {
    "HOST_NOT_ALLOWED": variable("allowed_hosts"),
    "ORIGIN_NOT_ALLOWED": variable("allowed_origins"),
}
"""The setting that allows what was refused with a code."""

_HTTP_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
"""Some WebSocket clients send the scheme of the socket as that of their origin."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

_MAPPED_BITS = 96
"""The bits before the IPv4 address in one that is mapped into IPv6 (RFC 4291 §2.5.5.2)."""

_NETLOC = re.compile(r"(\[[0-9a-f:.]+\]|[^\x00-\x20\x7f/?#@:,\[\]\\]+)(?::([0-9]{0,5}))?")

HOPS_LIMIT = 32
"""Entries of X-Forwarded-For that are read at most. No request passes through so many proxies."""

_HOP = re.compile(r'"?(?:\[([^\[\]]+)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?|([0-9A-Fa-f:.]+))"?')
"""An address in X-Forwarded-For. Some proxies add the port, brackets or quotation marks."""


_KEPT = 1024
"""Answers that are kept: nearly all clients send the same few headers."""

_KEPT_LENGTH = 200
"""Headers that are longer in all are judged anew each time, so that nobody can fill the memory with them."""


class WebOrigin(NamedTuple):
    """Scheme, host and port. The port is None if none is given and the scheme has no default port."""

    scheme: str
    host: str
    port: int | None


class Origins:
    """The rules for Host, Origin, Sec-Fetch-Site and X-Forwarded-For.

    A host name must be known. Otherwise an attacker could point a name at this server (DNS rebinding), and a page at
    that name would count as the server's own. IP addresses are always allowed, because they cannot be rebound.
    """

    def __init__(self, settings: Settings) -> None:
        given = [_parse_netloc(each.lower()) for each in settings.allowed_hosts]
        self._hosts = [("localhost", None), (settings.host.lower(), None), *(each for each in given if each)]
        self._origins = [each for each in map(parse_origin, settings.allowed_origins) if each]
        self._proxies = [_network(each) for each in settings.trusted_proxies]
        self._known_refusal = lru_cache(_KEPT)(self._refusal)
        self._counts = lru_cache(_KEPT)(self._judge_address)

    def check(self, request: RequestHead) -> None:
        """Raise Forbidden if the request does not name this server, or comes from a page of a foreign origin."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        is_usual = len(host) + len(origin or "") <= _KEPT_LENGTH
        refusal = (self._known_refusal if is_usual else self._refusal)(host, origin, self.is_https(request))
        if refusal is None and origin is None:
            site, mode = request.headers.get("sec-fetch-site"), request.headers.get("sec-fetch-mode")
            if site == "cross-site" and (mode != "navigate" or request.method not in ("GET", "HEAD")):
                refusal = "ORIGIN_NOT_ALLOWED"
        if refusal is not None:
            raise Forbidden(refusal, _MESSAGES[refusal])

    def is_own(self, origin: str, request: RequestHead) -> bool:
        """Whether the origin is this server's own, under the name in the Host header."""
        return _is_own(request.headers.get("host", ""), origin, has_tls=self.is_https(request))

    def is_https(self, request: RequestHead) -> bool:
        """Whether the client uses TLS, either with this server or with a trusted proxy in front of it.

        In a list, the first entry is the client's own connection. A client that forges it only misleads itself.
        """
        if request.protocol == "https":
            return True
        first = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        return _HTTP_SCHEMES.get(first) == "https" and self._is_proxy(str(request.remote_ip))

    def address(self, request: RequestHead) -> str:
        """The client's address. Behind trusted proxies, it is the last address that is not such a proxy."""
        address = _plain_address(str(request.remote_ip))
        if not self._proxies:
            return address
        forwarded = request.headers.get("x-forwarded-for", "")
        last_hops = forwarded.strip(" ,").rsplit(",", HOPS_LIMIT)[-HOPS_LIMIT:]
        for hop in reversed([each.strip() for each in last_hops if each.strip()]):
            before = _hop_address(hop)
            if before is None or not self._is_proxy(address):
                break
            address = before
        return address

    def counts_by_address(self, address: str) -> bool:
        """Whether limits per address apply to an address. Many clients share loopback or a trusted proxy."""
        return self._counts(address)

    def _judge_address(self, address: str) -> bool:
        ip = parsed_address(address)
        return ip is not None and not (ip.is_loopback or self._is_proxy(address))

    def _refusal(self, host: str, origin: str | None, has_tls: bool) -> Refusal | None:
        """Why these headers are refused, if they are."""
        if not self._allows_host(host, has_tls):
            return "HOST_NOT_ALLOWED"
        if origin is not None and not (_is_own(host, origin, has_tls=has_tls) or self._is_listed(origin)):
            return "ORIGIN_NOT_ALLOWED"
        return None

    def _allows_host(self, host: str, has_tls: bool) -> bool:
        """Whether a Host header names this server."""
        named = _parse_netloc(host.lower())
        if named is None:
            return False
        name, port = named
        ports = {port} if port is not None else {_DEFAULT_PORTS[each] for each in _schemes(has_tls)}
        return parsed_address(name.strip("[]")) is not None or any(
            _matches(allowed, name) and (only is None or only in ports) for allowed, only in self._hosts
        )

    def _is_listed(self, origin: str) -> bool:
        asked = parse_origin(origin)
        return asked is not None and any(
            (each.scheme, each.port) == (asked.scheme, asked.port) and _matches(each.host, asked.host)
            for each in self._origins
        )

    def _is_proxy(self, address: str) -> bool:
        if not self._proxies:
            return False
        ip = parsed_address(_plain_address(address))
        return ip is not None and any(ip in network for network in self._proxies)


def _is_own(host: str, origin: str, *, has_tls: bool) -> bool:
    asked = parse_origin(origin)
    if asked is None or asked.scheme not in _schemes(has_tls):
        return False
    return asked == parse_origin(f"{asked.scheme}://{host}")


def _schemes(has_tls: bool) -> tuple[str, ...]:
    """The schemes of the server's own origin. Without TLS both count: a proxy may end TLS without saying so."""
    return ("https",) if has_tls else ("http", "https")


def headers_to_read(origin: str) -> dict[str, str]:
    """The headers that let pages of an allowed origin read a response."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
        "Vary": "Origin",
    }


def parse_origin(text: str) -> WebOrigin | None:
    """An origin with its default port filled in, `ws` as `http` and `wss` as `https`; None if it is malformed."""
    scheme, separator, netloc = text.lower().partition("://")
    named = _parse_netloc(netloc)
    if not separator or not scheme or named is None:
        return None
    scheme = _HTTP_SCHEMES.get(scheme, scheme)
    host, port = named
    return WebOrigin(scheme, host, _DEFAULT_PORTS.get(scheme) if port is None else port)


def _parse_netloc(netloc: str) -> tuple[str, int | None] | None:
    """The host and port of a Host header or an origin; None if it is malformed."""
    found = _NETLOC.fullmatch(netloc)
    if found is None or int(found[2] or 0) > 65535:
        return None
    host = found[1]
    if host.startswith("["):
        ip = parsed_address(host[1:-1])
        if ip is None:
            return None
        host = f"[{ip}]"
    return host, int(found[2]) if found[2] else None


def _matches(pattern: str, host: str) -> bool:
    """Whether a host is meant by an allowed name. `*.example.org` means the names below example.org."""
    if not pattern.startswith("*."):
        return host == pattern
    return host.endswith(pattern[1:]) and not host.startswith((".", "*"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A trusted address or network. One of IPv4 that is mapped into IPv6, as some systems print it, counts as IPv4."""
    network = ipaddress.ip_network(text, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS))


def _hop_address(text: str) -> str | None:
    """The address in one entry of X-Forwarded-For, without port, brackets and quotation marks."""
    found = _HOP.fullmatch(text)
    address = (found[1] or found[2] or found[3]) if found else ""
    return _plain_address(address) if parsed_address(address) else None


@lru_cache(_KEPT)
def _plain_address(address: str) -> str:
    """The usual form of an address. A socket that takes both IPv4 and IPv6 states IPv4 addresses as ::ffff:…"""
    ip = parsed_address(address)
    if ip is None:
        return address
    return str(ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else str(ip)
