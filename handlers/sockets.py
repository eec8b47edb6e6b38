"""Sockets: from Tornado's WebSocket to a session, and the transport back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import structlog
from tornado.httputil import HTTPServerRequest
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.base import ApiHandler, Web
from handlers.frames import FairProtocol
from handlers.streams import SUBPROTOCOL, StreamTransport, stream_of, turn_away
from models.refusals import Invalid, TokenExpired, TooMany, Unauthenticated
from models.tokens import Identity
from realtime.admission import Admission, Arrival, Full
from realtime.clock import Clock
from realtime.commands import Commands
from realtime.counters import Counters
from realtime.protocol import Channel, CloseCode, Error
from realtime.ratelimit import Buckets
from realtime.session import Session

_BEARER = "bearer."

_log = structlog.stdlib.get_logger("rollcall.sockets")


class SocketHandler(WebSocketHandler, ApiHandler):
    """/ws/feed and /ws/presence"""

    def initialize(
        self,
        web: Web,
        channel: Channel,
        admission: Admission,
        commands: Commands,
        clock: Clock,
        counters: Counters,
        refusals: Buckets,
    ) -> None:
        """Collaborators come from the route."""
        self.set_up(web)
        self.channel: Channel = channel
        self.admission = admission
        self.commands = commands
        self.clock = clock
        self.counters = counters
        self.refusals = refusals
        self.session: Session | None = None
        self.identity: Identity | None = None
        self.refusal: Unauthenticated | None = None

    def prepare(self) -> None:
        """Decide who is there. A browser can't read an HTTP 401 on an upgrade, so the refusal waits for the socket."""
        self.check_origins()
        try:
            self.identity = self._identify()
        except Unauthenticated as refusal:
            self.refusal = refusal
            self.counters.refused["token"] += 1
            if not self.refusals.take(self.web.origins.address(self.request), self.clock.now()):
                raise TooMany("Too many refused credentials", retry_after=1) from None
        finally:
            scrub(self.request)

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
        if self.identity is None:
            expired = isinstance(self.refusal, TokenExpired)
            code = CloseCode.TOKEN_EXPIRED if expired else CloseCode.REFUSED
            self.counters.closes[code] += 1
            turn_away(self, stream, code, self.refusal.message if self.refusal else "Invalid token")
            return None
        self.set_nodelay(True)
        address = self.web.origins.address(self.request)
        arrival = Arrival(
            self.identity,
            self.channel,
            address,
            self.request.headers.get("User-Agent", "")[:200],
            self.get_query_argument("epoch", None),
            _number(self.get_query_argument("since", None)),
            self.web.origins.counts_by_address(address),
        )
        try:
            self.session = self.admission.admit(arrival, StreamTransport(self, stream))
        except Full as full:
            self.counters.refused[full.close_code.name.lower()] += 1
            self.close(full.close_code, str(full))
        else:
            self.web.traffic.sockets += 1
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """One command. What goes wrong in the server is the server's, so the socket stays."""
        session = self.session
        if session is None:
            return None
        try:
            if isinstance(message, str):
                self.commands.dispatch(session, message)
            else:
                self.commands.not_text(session)
        except Exception:
            _log.exception("command failed", session_id=session.session_id, user_id=session.user_id)
            session.push(Error(message="Something went wrong", code="SERVER_ERROR"))
        return None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Tornado's, made fair. None when the client speaks no version that Tornado knows."""
        made = super().get_websocket_protocol()
        return FairProtocol(self, made, self.too_many_fragments) if isinstance(made, WebSocketProtocol13) else made

    def too_many_fragments(self) -> None:
        """A message that never ends."""
        if self.session is not None:
            self.session.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_ping(self, data: bytes) -> None:
        """Tornado has answered; a flood of pings counts as a flood of commands."""
        if self.session is not None:
            self.commands.allow(self.session)

    def on_pong(self, data: bytes) -> None:
        """An answer to our ping."""
        if self.session is not None:
            self.commands.pong(self.session)

    def on_close(self) -> None:
        """The connection is gone, from whichever side."""
        if self.session is not None:
            self.web.traffic.sockets -= 1
            self.session.closed_by_peer(self.close_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """As for other requests."""
        ApiHandler.log_exception(self, typ, value, tb)

    def _identify(self) -> Identity:
        """Exactly one credential: a token or a ticket in the URL, a header, or a subprotocol."""
        tokens = [token.decode("latin-1") for token in self.request.query_arguments.get("token", [])]
        tickets = [ticket.decode("latin-1") for ticket in self.request.query_arguments.get("ticket", [])]
        for header in self.request.headers.get_list("Authorization"):
            scheme, _, token = header.partition(" ")
            tokens += [token if scheme.lower() == "bearer" else ""]
        for protocol in ",".join(self.request.headers.get_list("Sec-WebSocket-Protocol")).split(","):
            if protocol.strip().startswith(_BEARER):
                tokens.append(protocol.strip().removeprefix(_BEARER))
        if len(tokens) + len(tickets) != 1:
            raise Unauthenticated
        return self.web.gate.identify(tokens[0]) if tokens else self.web.gate.redeem_ticket(tickets[0])


def scrub(request: HTTPServerRequest) -> None:
    """Take the credentials out of a request, before anything can print it."""
    for secret in ("token", "ticket"):
        request.arguments.pop(secret, None)
        request.query_arguments.pop(secret, None)
    request.uri, request.query = request.path, ""
    request.headers.pop("Authorization", None)
    offered = request.headers.get("Sec-WebSocket-Protocol")
    if offered is not None:
        kept = [each.strip() for each in offered.split(",") if not each.strip().startswith(_BEARER)]
        request.headers["Sec-WebSocket-Protocol"] = ", ".join(kept)


def _number(text: str | None) -> int | None:
    """A `since`; whatever isn't a number can't be resumed from, and gets a snapshot."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
