"""Conversation: from Tornado's WebSocket to whoever the core knows at its other end. Users' and operators' alike."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Generic, Protocol, TypeVar

import structlog
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.base import ApiHandler
from handlers.frames import FairProtocol
from handlers.streams import SUBPROTOCOL, StreamTransport, stream_of, turn_away
from models.refusals import Invalid
from realtime.admission import Full
from realtime.counters import Counters
from realtime.protocol import CloseCode, Error, Message

_log = structlog.stdlib.get_logger("rollcall.sockets")


class Party(Protocol):
    """Who is at the other end: a session, or a watcher."""

    session_id: str

    def push(self, message: Message, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...
    def closed_by_peer(self, code: int | None, /) -> None: ...


P = TypeVar("P", bound=Party)
Asker = TypeVar("Asker", contravariant=True)


class Answers(Protocol[Asker]):
    """What hears what they say."""

    def dispatch(self, party: Asker, text: str, /) -> None: ...
    def not_text(self, party: Asker, /) -> None: ...
    def allow(self, party: Asker, /) -> bool: ...
    def pong(self, party: Asker, /) -> None: ...


class ConversationHandler(WebSocketHandler, ApiHandler, Generic[P]):
    """A socket. Who may open one is for `prepare` of each kind to find out, and for `turned_away` to say."""

    def set_up_conversation(self, commands: Answers[P], counters: Counters) -> None:
        """What each socket's `initialize` goes on with, behind its base's."""
        self.commands = commands
        self.counters = counters
        self.party: P | None = None

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
            self.party = self.admit(StreamTransport(self, stream))
        except Full as full:
            self.counters.refused[full.close_code.name.lower()] += 1
            self.close(full.close_code, str(full))
        else:
            self.web.traffic.sockets += 1
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """One command. What goes wrong in the server is the server's, so the socket stays."""
        party = self.party
        if party is None:
            return None
        try:
            if isinstance(message, str):
                self.commands.dispatch(party, message)
            else:
                self.commands.not_text(party)
        except Exception:
            _log.exception("command failed", session_id=party.session_id)
            party.push(Error(message="Something went wrong", code="SERVER_ERROR"))
        return None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Tornado's, made fair. None when the client speaks no version that Tornado knows."""
        made = super().get_websocket_protocol()
        return FairProtocol(self, made, self.too_many_fragments) if isinstance(made, WebSocketProtocol13) else made

    def too_many_fragments(self) -> None:
        """A message that never ends."""
        if self.party is not None:
            self.party.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_ping(self, data: bytes) -> None:
        """Tornado has answered; a flood of pings counts as a flood of commands."""
        if self.party is not None:
            self.commands.allow(self.party)

    def on_pong(self, data: bytes) -> None:
        """An answer to our ping."""
        if self.party is not None:
            self.commands.pong(self.party)

    def on_close(self) -> None:
        """The connection is gone, from whichever side."""
        if self.party is not None:
            self.web.traffic.sockets -= 1
            self.party.closed_by_peer(self.close_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """As for other requests."""
        ApiHandler.log_exception(self, typ, value, tb)
