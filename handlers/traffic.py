"""Traffic: what is in progress, so that a drain can wait for it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from weakref import WeakSet

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream

from handlers.crowd import Crowd


@dataclass
class Traffic:
    """The number of requests and sockets in progress, whether a crowd is connecting, and whether the server drains."""

    arriving: int = 0
    """Requests whose body is still on its way."""
    requests: int = 0
    """Requests that are being carried out."""
    sockets: int = 0
    answering: WeakSet[IOStream] = field(default_factory=WeakSet)
    """Connections whose client had not yet taken the whole answer when it was finished."""
    crowd: Crowd = field(default_factory=Crowd)
    draining: bool = False
    """From then on new requests are refused."""

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is waiting for anything."""
        return not (self.arriving or self.requests or self.sockets or any(each.writing() for each in self.answering))


class CountedRequest(HTTPMessageDelegate):
    """Passes one request on, and counts it while it arrives."""

    def __init__(self, request: HTTPMessageDelegate, traffic: Traffic) -> None:
        self._request = request
        self._traffic = traffic
        self._is_arriving = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._traffic.arriving += 1
        self._is_arriving = True
        return self._request.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._request.data_received(chunk)

    def finish(self) -> None:
        self._arrived()
        self._request.finish()

    def on_connection_close(self) -> None:
        self._arrived()
        self._request.on_connection_close()

    def _arrived(self) -> None:
        """Tornado also reports a closed connection after `finish` has failed."""
        self._traffic.arriving -= self._is_arriving
        self._is_arriving = False
