"""Base of both sockets: connects Tornado's WebSocket to a session of a user or of an operator."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Generic, Protocol, TypeVar

import structlog
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.base import ApiHandler
from handlers.logs import short
from handlers.origins import SETTING_THAT_ALLOWS
from handlers.sockets.handshake import check_handshake
from handlers.sockets.stream_transport import SUBPROTOCOL, StreamTransport, reject, stream_of
from handlers.sockets.websocket_protocol import FairProtocol
from models.errors import Overloaded, RequestError, TooMany
from realtime.counters import Counters
from realtime.protocol import CloseCode, Error, Message
from realtime.sockets.admission import LimitReached

_log = structlog.stdlib.get_logger("rollcall.sockets")


class Peer(Protocol):
    """The other end of a socket: a user's session or an operator's."""

    session_id: str

    def push(self, message: Message, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...
    def closed_by_peer(self, code: int | None, /) -> None: ...


P = TypeVar("P", bound=Peer)
Sender = TypeVar("Sender", contravariant=True)


class CommandHandler(Protocol[Sender]):
    """Carries out the commands of one kind of peer."""

    def dispatch(self, peer: Sender, text: str, /) -> None: ...
    def not_text(self, peer: Sender, /) -> None: ...
    def allow(self, peer: Sender, /) -> bool: ...
    def pong(self, peer: Sender, /) -> None: ...


class BaseSocketHandler(WebSocketHandler, ApiHandler, Generic[P]):
    """A socket. Each kind authenticates in `prepare` and reports a failure in `rejection`."""

    answers_head = False

    def set_up_socket(self, commands: CommandHandler[P], counters: Counters) -> None:
        """The second step of each socket's `initialize`, after its base's `set_up`."""
        self.commands = commands
        self.counters = counters
        self.peer: P | None = None

    def check_takes_sockets(self, *, is_cut_off: bool) -> None:
        """Refuse an upgrade before it happens, so that a proxy tries the next server. Raises Overloaded."""
        if self.context.traffic.draining:
            raise Overloaded("The server is shutting down. Try again.")
        if is_cut_off:
            raise Overloaded("The server is cut off from Redis, which other servers reach. Try again.")

    def rejection(self) -> tuple[CloseCode, str] | None:
        """The close code and message if this socket has no valid credentials."""
        raise NotImplementedError

    def admit(self, transport: StreamTransport) -> P:
        """Open a session. Raises LimitReached."""
        raise NotImplementedError

    def check_origin(self, origin: str) -> bool:
        """`prepare` has checked the origin, even in cases that Tornado skips."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """In `rollcall.v1, bearer.<token>`, the first names the protocol and the second only carries a token."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    async def get(self, *args: str, **kwargs: str) -> None:
        """Upgrade the connection. Raises Invalid if the request is not an upgrade."""
        check_handshake(self.request)
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        """Start the session. Never awaits, because a peer that is lost meanwhile would go unnoticed."""
        stream = stream_of(self)
        if stream.closed():
            return None  # the peer left during the upgrade
        rejection = self.rejection()
        if rejection is not None:
            self.counters.count_close(rejection[0])
            self._log_refusal(int(rejection[0]), rejection[1])
            reject(self, stream, *rejection)
            return None
        self.set_nodelay(True)
        try:
            self.peer = self.admit(StreamTransport(self, stream))
        except LimitReached as limit:
            self.counters.refused[limit.close_code.name.lower()] += 1
            self._log_refusal(int(limit.close_code), str(limit), limit.setting)
            self.close(limit.close_code, str(limit))
        else:
            self.context.traffic.sockets += 1
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Carry out one command. After an unexpected error in the server, the socket stays open."""
        peer = self.peer
        if peer is None:
            return None
        try:
            if isinstance(message, str):
                self.commands.dispatch(peer, message)
            else:
                self.commands.not_text(peer)
        except Exception:
            _log.exception("command failed", session_id=peer.session_id)
            peer.push(Error(message="Something went wrong", code="SERVER_ERROR"))
        return None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Tornado's protocol with our limits. None if Tornado does not support the client's protocol version."""
        base = super().get_websocket_protocol()
        if base is None:
            self._log_refusal(426, "unsupported Sec-WebSocket-Version")
        return FairProtocol(self, base, self) if isinstance(base, WebSocketProtocol13) else base

    def on_empty_fragment(self) -> None:
        """Count an empty fragment as a command, so that a flood of them is limited."""
        self._count_as_command()

    def on_too_many_fragments(self) -> None:
        """Close a socket whose message has too many fragments."""
        if self.peer is not None:
            self.peer.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_bad_frame(self, reason: str) -> None:
        """Close a socket whose peer broke RFC 6455."""
        if self.peer is not None:
            self.peer.close(CloseCode.PROTOCOL_ERROR, reason)

    def on_ping(self, data: bytes) -> None:
        """Count a ping as a command, so that a flood of pings is limited. Tornado has answered it."""
        self._count_as_command()

    def on_pong(self, data: bytes) -> None:
        """The peer has answered our ping, or sent a pong unasked."""
        if self.peer is not None:
            self.commands.pong(self.peer)

    def on_close(self) -> None:
        """The connection was closed, by either side."""
        if self.peer is not None:
            self.context.traffic.sockets -= 1
            self.peer.closed_by_peer(self.close_code)
            self.peer = None  # it refers to this handler: together they would be a cycle

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log as for other requests, and say why an upgrade was refused."""
        if isinstance(value, RequestError):
            self._log_refusal(value.code, value.message, value.setting if isinstance(value, TooMany) else "")
        ApiHandler.log_exception(self, typ, value, tb)

    def _count_as_command(self) -> None:
        if self.peer is not None:
            self.commands.allow(self.peer)

    def _log_refusal(self, code: str | int, reason: str, setting: str = "") -> None:
        """Say what the client asked for and which setting would allow it: the client itself can't see either."""
        headers = self.request.headers
        _log.info(
            "upgrade refused",
            request_id=self.request_id,
            path=short(self.request.path),
            code=code,
            reason=reason,
            host=short(headers.get("Host", "")),
            origin=short(headers.get("Origin", "")),
            setting=setting or SETTING_THAT_ALLOWS.get(code),
            address=self.context.origins.address(self.request),
        )
