"""HTTP server: Tornado's, which opens sockets directly, and answers a request whose body is too large."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

import msgspec
import structlog
from tornado.gen import with_timeout
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError

from handlers.admin.early_errors import EarlyErrors
from handlers.begun_stream import BegunStream
from handlers.errors import BODY_TOO_LARGE, ErrorAnswer, Refused
from handlers.logs import short
from handlers.newcomers import Newcomers
from handlers.origins import Origins, headers_to_read
from handlers.request_ids import new_request_id
from handlers.sockets.direct_upgrades import DirectUpgrades
from handlers.sockets.early_heads import LONGEST_BYTES
from handlers.traffic import CountedRequest, Traffic
from models.errors import Forbidden
from models.service_keys import is_key

LINGER_SECONDS = 2.0
"""A client that is still sending its body gets this long to read the answer."""

LINGER_BYTES = 64 * 1024
"""Bytes of such a body that are read at a time, and thrown away."""

_REASON = "Content Too Large"

_log = structlog.stdlib.get_logger("rollcall.http")


class RollcallHTTPServer(HTTPServer):
    """Answers 413 where Tornado answers 400 without a body, and counts requests from their first line on."""

    def set_up(
        self,
        traffic: Traffic,
        origins: Origins,
        upgrades: DirectUpgrades | None,
        body_limits: Mapping[str, int],
        early_errors: EarlyErrors,
    ) -> None:
        """What counts requests, knows whose pages may read a refusal, and opens sockets. Call this before listening.

        `body_limits` has the paths at which a backend may send a body that is larger than others. `early_errors` makes
        the page that a browser gets instead of JSON.
        """
        self._listening: list[socket.socket] = []
        self._early_errors = early_errors
        self._body_limits = body_limits
        self._traffic = traffic
        self._origins = origins
        self._upgrades = upgrades
        self._newcomers: Newcomers | None = None
        if upgrades is not None:
            self._newcomers = Newcomers(partial(self._accepted, upgrades, waits=False))

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections. Without TLS, those that begin with an upgrade become sockets without Tornado."""
        if self._upgrades is None or self.ssl_options is not None:
            super().add_sockets(sockets)
            return
        IOLoop.current()  # imports modules of Tornado, for which there may be no open file left later
        loop = asyncio.get_running_loop()
        for each in sockets:
            self._listening.append(each)
            loop.add_reader(each.fileno(), self._accept, each, self._upgrades)

    def stop(self) -> None:
        """Accept no more connections."""
        super().stop()
        for listening in self._listening:
            asyncio.get_running_loop().remove_reader(listening.fileno())
            listening.close()
        self._listening.clear()
        if self._newcomers is not None:
            self._newcomers.end()

    def _accept(self, listening: socket.socket, upgrades: DirectUpgrades) -> None:
        """Begin with the connections that wait."""
        together = 0
        while True:
            try:
                connection, address = listening.accept()
            except BlockingIOError:
                break
            except ConnectionAbortedError:  # the client has left, which some systems report here
                continue
            self._accepted(upgrades, connection, address)
            together += 1
        self._traffic.crowd.note(together)

    def _accepted(
        self, upgrades: DirectUpgrades, connection: socket.socket, address: tuple[object, ...], *, waits: bool = True
    ) -> None:
        """Begin with a connection. A failure of one is none of the others."""
        begun, is_silent = b"", False
        try:
            connection.setblocking(False)
            begun = connection.recv(LONGEST_BYTES)
        except BlockingIOError:
            is_silent = True
        except OSError:  # the client has left
            connection.close()
            return
        try:
            if is_silent and waits and self._newcomers is not None:
                self._newcomers.add(connection, address)
            elif not upgrades.take_connection(connection, address, begun):
                self.handle_stream(BegunStream(connection, begun, self.max_buffer_size), address)
        except Exception:
            _log.exception("a new connection failed")
            connection.close()

    def body_limit(self, path: str, headers: HTTPHeaders) -> int:
        """The most bytes that the body of a request may have. Only a backend may send a large one, and only there."""
        limit = self.conn_params.max_body_size
        assert limit is not None, "operation/server.py sets it"
        special = self._body_limits.get(path.partition("?")[0])
        return max(limit, special) if special is not None and _has_key(headers) else limit

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Tornado's delegate, behind one that counts the request and one that measures its body."""
        delegate = CountedRequest(super().start_request(server_conn, request_conn), self._traffic)
        assert isinstance(request_conn, HTTP1Connection)
        return _ArrivingRequest(
            delegate, request_conn, self.body_limit, self._origins, self._upgrades, self._early_errors
        )


class _ArrivingRequest(HTTPMessageDelegate):
    """Passes a request on unless it became a socket, or its body is too large."""

    def __init__(
        self,
        delegate: HTTPMessageDelegate,
        connection: HTTP1Connection,
        limit_of: Callable[[str, HTTPHeaders], int],
        origins: Origins,
        upgrades: DirectUpgrades | None,
        early_errors: EarlyErrors,
    ) -> None:
        self._early_errors = early_errors
        self._delegate = delegate
        self._connection = connection
        self._limit_of = limit_of
        self._limit = 0
        self._origins = origins
        self._upgrades = upgrades
        self._received = 0
        self._start_line = RequestStartLine("", "", "")
        self._headers = HTTPHeaders()

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Open a socket, or refuse a body that is announced as too large, before any of it is read."""
        assert isinstance(start_line, RequestStartLine)
        if self._upgrades is not None and self._upgrades.take(self._connection, start_line, headers):
            return None
        self._start_line, self._headers = start_line, headers
        self._limit = self._limit_of(start_line.path, headers)
        self._connection.set_max_body_size(self._limit)
        length = headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > self._limit):
            refusal = self._refusal()
            IOLoop.current().spawn_callback(_answer, self._connection.detach(), refusal)
            return None
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            self._connection.set_max_body_size(2**62)  # so that `data_received` finds out, and not Tornado
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass a part of the body on, or refuse the request when there is too much."""
        self._received += len(chunk)
        if self._received <= self._limit:
            return self._delegate.data_received(chunk)
        return _answer(self._connection.stream, self._refusal())  # Tornado waits for this, and finds the stream closed

    def finish(self) -> None:
        """The request is complete."""
        self._delegate.finish()

    def on_connection_close(self) -> None:
        """The client left before the request was complete."""
        self._delegate.on_connection_close()

    def _refusal(self) -> bytes:
        """The whole answer to a request whose body is too large. The log has it, too."""
        request_id = new_request_id()
        address, to_read = self._sender()
        _log.info(
            "request",
            request_id=request_id,
            method=short(self._start_line.method),
            path=short(self._start_line.path.partition("?")[0]),
            status=413,
            address=address,
        )
        typed, body = self._page_or_json(request_id)
        headers = {
            **typed,
            "Content-Length": str(len(body)),
            "X-Request-Id": request_id,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Connection": "close",
            **to_read,
        }
        lines = [f"HTTP/1.1 413 {_REASON}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + body

    def _page_or_json(self, request_id: str) -> tuple[dict[str, str], bytes]:
        """The body for a person or a program, and the headers that go with it."""
        if self._early_errors.has_page(self._start_line.path, self._headers):
            return self._early_errors.page(413, BODY_TOO_LARGE, request_id, self._headers)
        refused = Refused("BODY_TOO_LARGE", BODY_TOO_LARGE, request_id)
        return {"Content-Type": "application/json"}, msgspec.json.encode(ErrorAnswer(refused))

    def _sender(self) -> tuple[str, dict[str, str]]:
        """The client's address, and the headers that its page needs to read the answer if its origin is allowed."""
        try:
            request = HTTPServerRequest(connection=self._connection, start_line=self._start_line, headers=self._headers)
        except HTTPInputError:  # the Host header is missing or malformed
            return str(self._connection.context), {}
        address, origin = self._origins.address(request), self._headers.get("Origin")
        try:
            self._origins.check(request)
        except Forbidden:
            return address, {}
        return address, {} if origin is None else headers_to_read(origin)


def _has_key(headers: HTTPHeaders) -> bool:
    """Whether a request has something in the form of a service key. Who owns it is found out later."""
    texts = [each.partition(" ")[2].strip() for each in headers.get_list("Authorization")]
    return any(is_key(text) for text in texts)


async def _answer(stream: IOStream, answer: bytes) -> None:
    """Write an answer, then close in a way that lets the client read it.

    Closing while the client is still sending would reset the connection, and the client would lose the answer.
    """
    with suppress(StreamClosedError, TimeoutError):
        await stream.write(answer)
        if not isinstance(stream.socket, ssl.SSLSocket):
            with suppress(OSError):
                stream.socket.shutdown(socket.SHUT_WR)
        deadline = IOLoop.current().time() + LINGER_SECONDS
        while True:
            await with_timeout(deadline, stream.read_bytes(LINGER_BYTES, partial=True), StreamClosedError)
    stream.close()
