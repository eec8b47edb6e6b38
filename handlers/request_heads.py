"""Request heads: what is read of a request before its body, whoever has parsed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, overload

Name = Literal[
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "origin",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-proto",
]
"""The headers that are read, in small letters, so that nobody has to compare in any case."""


class Headers(Protocol):
    """Headers by name. Several of one name are joined by commas."""

    @overload
    def get(self, name: Name, /) -> str | None: ...
    @overload
    def get(self, name: Name, default: str, /) -> str: ...
    def get_list(self, name: Name, /) -> list[str]: ...
    def __contains__(self, name: Name, /) -> bool: ...


class RequestHead(Protocol):
    """Tornado's HTTPServerRequest is one, and so is an EarlyRequest."""

    @property
    def method(self) -> str | None: ...
    @property
    def path(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def query_arguments(self) -> Mapping[str, list[bytes]]: ...

    @property
    def remote_ip(self) -> str | None:
        """The address of the other end of the connection, which may be a proxy's."""

    def request_time(self) -> float:
        """Seconds since the head arrived."""
        ...
