"""Users' sockets, /ws/feed and /ws/presence: who opens one, by which credentials, and what a returning client knows."""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest

from handlers.base import HandlerContext
from handlers.sockets.base import BaseSocketHandler
from handlers.sockets.device import device_name
from handlers.sockets.stream_transport import StreamTransport
from models.errors import TokenExpired, TooMany, Unauthenticated
from models.tokens import Identity
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.protocol import Channel, CloseCode
from realtime.ratelimit import Buckets
from realtime.sockets.admission import Admission
from realtime.sockets.commands import Commands
from realtime.sockets.session import ConnectRequest, Session

_BEARER = "bearer."


class SocketHandler(BaseSocketHandler[Session]):
    """/ws/feed and /ws/presence"""

    def initialize(
        self,
        context: HandlerContext,
        channel: Channel,
        admission: Admission,
        commands: Commands,
        clock: Clock,
        counters: Counters,
        refusals: Buckets,
    ) -> None:
        """Collaborators come from the route."""
        self.set_up(context)
        self.set_up_socket(commands, counters)
        self.channel: Channel = channel
        self.admission = admission
        self.clock = clock
        self.refusals = refusals
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
            if not self.refusals.take(self.context.origins.address(self.request), self.clock.now()):
                raise TooMany("Too many refused credentials", retry_after=1) from None
        finally:
            scrub(self.request)

    def turned_away(self) -> tuple[CloseCode, str] | None:
        """Who has no credentials that count."""
        if self.identity is not None:
            return None
        code = CloseCode.TOKEN_EXPIRED if isinstance(self.refusal, TokenExpired) else CloseCode.REFUSED
        return code, self.refusal.message if self.refusal else "Invalid token"

    def admit(self, transport: StreamTransport) -> Session:
        """Let the user in. Raises Full."""
        assert self.identity is not None, "who isn't known was turned away"
        address = self.context.origins.address(self.request)
        request = ConnectRequest(
            self.identity,
            self.channel,
            address,
            device_name(self.request.headers.get("User-Agent", "")[:200]),
            self.get_query_argument("epoch", None),
            _number(self.get_query_argument("since", None)),
            self.context.origins.counts_by_address(address),
        )
        return self.admission.admit(request, transport)

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
        return (
            self.context.authenticator.identify(tokens[0])
            if tokens
            else self.context.authenticator.redeem_ticket(tickets[0])
        )


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
