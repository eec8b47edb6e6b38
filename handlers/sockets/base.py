"""Conversation: from Tornado's WebSocket to whoever the core knows at its other end. Users' and operators' alike."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Generic, Protocol, TypeVar

import structlog
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.base import ApiHandler
from handlers.sockets.stream_transport import SUBPROTOCOL, StreamTransport, stream_of, turn_away
from handlers.sockets.websocket_protocol import FairProtocol
from models.errors import Invalid
from realtime.counters import Counters
from realtime.protocol import CloseCode, Error, Message
from realtime.sockets.admission import LimitReached

_log = structlog.stdlib.get_logger("rollcall.sockets")


class Peer(Protocol):
    """Who is at the other end: a session, or a watcher."""

    session_id: str

    def push(self, message: Message, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...
    def closed_by_peer(self, code: int | None, /) -> None: ...


P = TypeVar("P", bound=Peer)
Asker = TypeVar("Asker", contravariant=True)


class CommandHandler(Protocol[Asker]):
    """What hears what they say."""

    def dispatch(self, peer: Asker, text: str, /) -> None: ...
    def not_text(self, peer: Asker, /) -> None: ...
    def allow(self, peer: Asker, /) -> bool: ...
    def pong(self, peer: Asker, /) -> None: ...


class BaseSocketHandler(WebSocketHandler, ApiHandler, Generic[P]):
    """A socket. Who may open one is for `prepare` of each kind to find out, and for `turned_away` to say."""

    def set_up_socket(self, commands: CommandHandler[P], counters: Counters) -> None:
        """What each socket's `initialize` goes on with, behind its base's."""
        self.commands = commands
        self.counters = counters
        self.peer: P | None = None

    def turned_away(self) -> tuple[CloseCode, str] | None:
        """Why this socket is closed again at once, if it is."""
        raise NotImplementedError

    def admit(self, transport: StreamTransport) -> P:
        """Let it in. Raises Full."""
        raise NotImplementedError

    def check_origin(self, origin: str) -> bool:
        """`prepare` has checked it, also where Tornado would not ask."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Of `rollcall.v1, bearer.<token>` the first names the protocol, the second was only a way to send a token."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    async def get(self, *args: str, **kwargs: str) -> None:
        """The upgrade. Raises Invalid for a request that isn't one."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise Invalid("This URL speaks WebSocket only")
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        """Never awaits: a peer lost meanwhile would go unnoticed."""
        stream = stream_of(self)
        if stream.closed():
            return None  # the peer left during the upgrade
        refusal = self.turned_away()
        if refusal is not None:
            self.counters.closes[refusal[0]] += 1
            turn_away(self, stream, *refusal)
            return None
        self.set_nodelay(True)
        try:
            self.peer = self.admit(StreamTransport(self, stream))
        except LimitReached as limit_reached:
            self.counters.refused[limit_reached.close_code.name.lower()] += 1
            self.close(limit_reached.close_code, str(limit_reached))
        else:
            self.context.traffic.sockets += 1
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """One command. What goes wrong in the server is the server's, so the socket stays."""
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
        """Tornado's, made fair. None when the client speaks no version that Tornado knows."""
        made = super().get_websocket_protocol()
        return FairProtocol(self, made, self.too_many_fragments) if isinstance(made, WebSocketProtocol13) else made

    def too_many_fragments(self) -> None:
        """A message that never ends."""
        if self.peer is not None:
            self.peer.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_ping(self, data: bytes) -> None:
        """Tornado has answered; a flood of pings counts as a flood of commands."""
        if self.peer is not None:
            self.commands.allow(self.peer)

    def on_pong(self, data: bytes) -> None:
        """An answer to our ping."""
        if self.peer is not None:
            self.commands.pong(self.peer)

    def on_close(self) -> None:
        """The connection is gone, from whichever side."""
        if self.peer is not None:
            self.context.traffic.sockets -= 1
            self.peer.closed_by_peer(self.close_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """As for other requests."""
        ApiHandler.log_exception(self, typ, value, tb)
