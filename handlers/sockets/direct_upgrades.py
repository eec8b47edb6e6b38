"""Direct upgrades: opens an app's socket from the head of the request alone, without a handler.

After a restart everybody comes back at once. Tornado makes a task, two coroutines, a dozen callbacks and a large object
for each request, which costs more than everything that a socket needs. So a request that is a correct upgrade with a
valid token is answered here: before Tornado knows of the connection if its head has arrived with it, or else once
Tornado has read the head. Everything else is left to `SocketHandler`, which says what is wrong with it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine, format_timestamp

from handlers.base import HandlerContext
from handlers.logs import log_answer
from handlers.origins import headers_to_read
from handlers.request_heads import Headers, RequestHead
from handlers.request_ids import new_request_id
from handlers.sockets.base import open_session
from handlers.sockets.byte_streams import ByteStream, TornadoStream
from handlers.sockets.connection import Connection
from handlers.sockets.early_heads import EarlyHeads, EarlyRequest
from handlers.sockets.gathered_sends import GatheredSends
from handlers.sockets.handshake import (
    ACCEPT,
    ACCEPTED,
    SUBPROTOCOL_HEADER,
    accept_value,
    check_handshake,
    chosen_subprotocol,
    has_key,
    has_version,
)
from handlers.sockets.readable_sockets import ReadableSockets
from handlers.sockets.socket_stream import SocketStream
from handlers.sockets.users import connect_request, connects_key, credentials, scrub
from models.errors import RequestError
from realtime.counters import Counters
from realtime.protocol import Channel, longest_message
from realtime.sockets.admission import Admission
from realtime.sockets.commands import Commands
from realtime.sockets.session import Caller, Session

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class DirectUpgrades:
    """Takes over the connections of correct upgrades. `channels` has the channel of each path."""

    def __init__(
        self,
        context: HandlerContext,
        channels: Mapping[str, Channel],
        admission: Admission,
        commands: Commands,
        counters: Counters,
    ) -> None:
        self._context = context
        self._channels = channels
        self._admission = admission
        self._commands = commands
        self._counters = counters
        self._heads = EarlyHeads(channels)
        self._readable = ReadableSockets()
        self._gathered = GatheredSends()

    def take_connection(self, connection: socket.socket, address: tuple[object, ...], data: bytes) -> bool:
        """Open a socket if the first bytes of a connection are a correct upgrade. Otherwise nothing has happened."""
        head = self._heads.read(data, address)
        if head is None:
            return False
        identity = self._admissible(head.request)
        if identity is None:
            return False
        stream = SocketStream(connection, self._readable, head.rest)
        self._open(stream, head.request, identity, partial(self._gathered.send, connection))
        return True

    def take(self, connection: HTTP1Connection, start_line: RequestStartLine, headers: HTTPHeaders) -> bool:
        """Open a socket if the request is a correct upgrade. Otherwise nothing has happened."""
        if start_line.path.partition("?")[0] not in self._channels:
            return False
        try:
            request = HTTPServerRequest(connection=connection, start_line=start_line, headers=headers)
        except HTTPInputError:
            return False
        identity = self._admissible(request)
        if identity is None:
            return False
        scrub(request)
        stream = connection.detach()
        if not stream.closed():
            stream.set_nodelay(True)
            self._open(TornadoStream(stream), request, identity)
        return True

    def _admissible(self, request: RequestHead) -> Caller | None:
        """Whose socket it is if it can be opened here."""
        if self._context.traffic.draining or self._admission.is_cut_off:
            return None
        try:
            identity = self._identify(request)
        except RequestError:
            return None
        if identity is None or not self._context.limits.connects.has_taken(connects_key(identity)):
            return None
        return identity

    def _identify(self, request: RequestHead) -> Caller | None:
        """Whose socket it is, or None if that is not for this class to find out. Raises RequestError."""
        if not self._is_correct(request):
            return None
        tokens, tickets = credentials(request)
        if tickets or len(tokens) != 1:
            return None
        return self._context.authenticator.identify_caller(tokens[0])

    def _is_correct(self, request: RequestHead) -> bool:
        """Whether the request is an upgrade and nothing else. Raises RequestError.

        The lines that many clients send alike are checked only once, unless something else decides about them.
        """
        common = request.common if isinstance(request, EarlyRequest) else None
        if common is not None and common.answer is not None:
            return has_key(request)
        if request.method != "GET" or _has_more_than_a_head(request.headers) or not has_version(request):
            return False
        check_handshake(request)
        self._context.origins.check(request)
        if common is not None and "x-forwarded-proto" not in request.headers:
            common.answer = _common_answer(request)
        return True

    def _open(
        self,
        stream: ByteStream,
        request: RequestHead,
        identity: Caller,
        first_take: Callable[[bytes], int] | None = None,
    ) -> None:
        request_id = new_request_id()
        opened: Connection[Session] = Connection(
            stream, self._commands, self._context.traffic, longest_message(self._context.settings)
        )
        opened.transport.begin(_head(request, request_id), first_take)
        log_answer(self._context.origins, request, request_id, 101)
        asked = connect_request(request, identity, self._channels[request.path], self._context)
        admit = partial(self._admission.admit, asked)
        open_session(opened, admit, self._context, self._counters, request, request_id)


def _has_more_than_a_head(headers: Headers) -> bool:
    return "content-length" in headers or "transfer-encoding" in headers or "expect" in headers


def _head(request: RequestHead, request_id: str) -> bytes:
    """The head of the answer, the same as from a handler."""
    known = request.common.answer if isinstance(request, EarlyRequest) else None
    chosen = chosen_subprotocol(request)
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nDate: {_date(int(time.time()))}\r\nX-Request-Id: {request_id}\r\n"
        f"{known or _common_answer(request)}{ACCEPT}: {accept_value(request)}\r\n"
        f"{'' if chosen is None else _lines({SUBPROTOCOL_HEADER: chosen})}\r\n"
    ).encode("latin-1")


def _common_answer(request: RequestHead) -> str:
    """The lines of the answer that are the same for all clients of an app."""
    origin = request.headers.get("origin")
    return _lines({**_ALWAYS, **({} if origin is None else headers_to_read(origin)), **ACCEPTED})


def _lines(headers: dict[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return format_timestamp(second)
