"""The operators' socket, /ws/operators: what changes, to the pages that show it. Nobody acts over it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import structlog
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.admin.base import AdminHandler, Office, allows
from handlers.base import ApiHandler
from handlers.frames import FairProtocol
from handlers.streams import SUBPROTOCOL, StreamTransport, stream_of, turn_away
from models.refusals import Invalid, TooMany
from realtime.admission import Full
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.operatorcommands import OperatorCommands
from realtime.protocol import CloseCode, Error
from realtime.ratelimit import Buckets
from realtime.watcher import Watcher
from realtime.watchers import Watchers

_log = structlog.stdlib.get_logger("rollcall.operators")


class OperatorSocketHandler(WebSocketHandler, AdminHandler):
    """/ws/operators"""

    def initialize(
        self,
        office: Office,
        watchers: Watchers,
        commands: OperatorCommands,
        clock: Clock,
        counters: Counters,
        refusals: Buckets,
    ) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(office)
        self.watchers = watchers
        self.commands = commands
        self.clock = clock
        self.counters = counters
        self.refusals = refusals
        self.watcher: Watcher | None = None

    async def prepare(self) -> None:
        """Who is there. A browser can't read an HTTP 401 on an upgrade, so the refusal waits for the socket."""
        self.check_origins()
        self.duty = await self.identify_operator()
        if self.duty is None:
            self.counters.refused["operator"] += 1
            if not self.refusals.take(self.address, self.clock.now()):
                raise TooMany("Too many refused sign-ins", retry_after=1)

    def check_origin(self, origin: str) -> bool:
        """`prepare` has checked it, also where Tornado would not ask."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one there is."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    @allows("viewer")
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
        if self.duty is None:
            self.counters.closes[CloseCode.TOKEN_EXPIRED] += 1
            turn_away(self, stream, CloseCode.TOKEN_EXPIRED, "Sign in first")
            return None
        self.set_nodelay(True)
        transport = StreamTransport(self, stream)
        try:
            self.watcher = self.watchers.admit(self.duty, transport, self.office.assets.version)
        except Full as full:
            self.counters.refused[full.close_code.name.lower()] += 1
            self.close(full.close_code, str(full))
        else:
            self.web.traffic.sockets += 1
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """One command. What goes wrong in the server is the server's, so the socket stays."""
        watcher = self.watcher
        if watcher is None:
            return None
        try:
            if isinstance(message, str):
                self.commands.dispatch(watcher, message)
            else:
                self.commands.not_text(watcher)
        except Exception:
            _log.exception("command failed", session_id=watcher.session_id)
            watcher.say(Error(message="Something went wrong", code="SERVER_ERROR"))
        return None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Tornado's, made fair. None when the client speaks no version that Tornado knows."""
        made = super().get_websocket_protocol()
        return FairProtocol(self, made, self.too_many_fragments) if isinstance(made, WebSocketProtocol13) else made

    def too_many_fragments(self) -> None:
        """A message that never ends."""
        if self.watcher is not None:
            self.watcher.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_ping(self, data: bytes) -> None:
        """Tornado has answered; a flood of pings counts as a flood of commands."""
        if self.watcher is not None:
            self.commands.allow(self.watcher)

    def on_pong(self, data: bytes) -> None:
        """An answer to our ping."""
        if self.watcher is not None:
            self.commands.pong(self.watcher)

    def on_close(self) -> None:
        """The connection is gone, from whichever side."""
        if self.watcher is not None:
            self.web.traffic.sockets -= 1
            self.watcher.closed_by_peer(self.close_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """As for other requests."""
        ApiHandler.log_exception(self, typ, value, tb)
