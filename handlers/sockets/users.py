"""The sockets for apps, /ws/feed and /ws/presence: the credentials, and the parameters of a returning client."""

from __future__ import annotations

from collections.abc import Awaitable

from tornado.httputil import HTTPServerRequest

from handlers.base import HandlerContext
from handlers.parsing import bearer_tokens
from handlers.request_heads import RequestHead
from handlers.sockets.base import BaseSocketHandler
from handlers.sockets.device import device_name
from handlers.sockets.stream_transport import StreamTransport
from models.addresses import address_key
from models.errors import TokenExpired, Unauthenticated
from models.foreign_tokens import KeysMissing
from models.service_keys import ServiceKey
from realtime.counters import Counters
from realtime.protocol import Channel, CloseCode, longest_message
from realtime.ratelimit import Key
from realtime.sockets.admission import Admission
from realtime.sockets.commands import Commands
from realtime.sockets.session import Caller, ConnectRequest, Session

_BEARER = "bearer."


class SocketHandler(BaseSocketHandler[Session]):
    """/ws/feed and /ws/presence"""

    def initialize(
        self,
        context: HandlerContext,
        channel: Channel,
        admission: Admission,
        commands: Commands,
        counters: Counters,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.set_up_socket(commands, counters)
        self.channel: Channel = channel
        self.admission = admission
        self.identity: Caller | None = None
        self.error: Unauthenticated | None = None

    def prepare(self) -> Awaitable[None] | None:
        """Authenticate. A browser cannot read an HTTP 401 on an upgrade, so `open` reports a failure on the socket.

        Raises TooMany, before the upgrade, because a socket that is opened and closed costs much more than a request.
        Raises Overloaded while the server takes no sockets, and StoreUnavailable if only the store can tell.
        """
        self.check_origins()
        tokens, tickets = credentials(self.request)
        scrub(self.request)
        self.check_takes_sockets(is_cut_off=self.admission.is_cut_off)
        authenticator = self.context.authenticator
        if tickets and not tokens and len(tickets) == 1:
            return self._await_identity(authenticator.identify_by_ticket(tickets[0]))
        if not tickets and len(tokens) == 1:
            return self._await_identity(authenticator.identify_new_caller(tokens[0]))
        self._refuse(Unauthenticated())
        return None

    async def _await_identity(self, finding: Awaitable[Caller]) -> None:
        try:
            self.identity = await finding
        except Unauthenticated as error:
            self._refuse(error)
        else:
            self.context.limits.connects.take(connects_key(self.identity))

    def _refuse(self, error: Unauthenticated) -> None:
        self.error = error
        self.counters.refused["token"] += 1
        self.context.limits.refusals.take(address_key(self.context.origins.address(self.request)))

    def get(self) -> None:
        """Upgrade the connection. Raises Invalid if the request is not an upgrade."""
        self.upgrade()

    def rejection(self) -> tuple[CloseCode, str] | None:
        """The close code and message if the credentials are not valid."""
        if self.error is None:
            return None
        return _close_code(self.error), self.error.message

    def longest_message(self) -> int:
        """The most bytes of a message that are read."""
        return longest_message(self.context.settings)

    def admit(self, transport: StreamTransport) -> Session:
        """Open a session. Raises LimitReached."""
        assert self.identity is not None, "a socket without an identity was rejected"
        request = connect_request(self.request, self.identity, self.channel, self.context)
        return self.admission.admit(request, transport)


def connects_key(caller: Caller) -> Key:
    """Under which key the limit on new sockets counts a caller."""
    return caller.actor if isinstance(caller, ServiceKey) else caller.user_id


def _close_code(error: Unauthenticated) -> CloseCode:
    """Clients come back by themselves as soon as the same token, or a new one, may be accepted."""
    if isinstance(error, TokenExpired):
        return CloseCode.TOKEN_EXPIRED
    return CloseCode.TRY_LATER if isinstance(error, KeysMissing) else CloseCode.REFUSED


def connect_request(
    request: RequestHead, identity: Caller, channel: Channel, context: HandlerContext
) -> ConnectRequest:
    """What an upgrade asks for, besides a connection."""
    address = context.origins.address(request)
    return ConnectRequest(
        identity=identity,
        channel=channel,
        address=address,
        device=device_name(request.headers.get("user-agent", "")[:200]),
        epoch=_parameter(request, "epoch"),
        since=_number(_parameter(request, "since")),
        counts_by_address=context.origins.counts_by_address(address),
    )


def credentials(request: RequestHead) -> tuple[list[str], list[str]]:
    """The tokens in the URL, the header and the subprotocols of a request, and its tickets. One in all is right."""
    tokens = [token.decode("latin-1") for token in request.query_arguments.get("token", [])]
    tickets = [ticket.decode("latin-1") for ticket in request.query_arguments.get("ticket", [])]
    tokens += bearer_tokens(request)
    offered = request.headers.get("sec-websocket-protocol")
    for protocol in offered.split(",") if offered else ():
        if protocol.strip().startswith(_BEARER):
            tokens.append(protocol.strip().removeprefix(_BEARER))
    return tokens, tickets


def scrub(request: HTTPServerRequest) -> None:
    """Remove the credentials from a request before anything can log it."""
    for secret in ("token", "ticket"):
        request.arguments.pop(secret, None)
        request.query_arguments.pop(secret, None)
    request.uri, request.query = request.path, ""
    request.headers.pop("Authorization", None)
    offered = request.headers.get("Sec-WebSocket-Protocol")
    if offered is not None:
        kept = [each.strip() for each in offered.split(",") if not each.strip().startswith(_BEARER)]
        request.headers["Sec-WebSocket-Protocol"] = ", ".join(kept)


def _parameter(request: RequestHead, name: str) -> str | None:
    """The last value of a parameter in the URL."""
    values = request.query_arguments.get(name)
    return values[-1].decode(errors="replace").strip() if values else None


def _number(text: str | None) -> int | None:
    """The value of `since`. Anything but a number becomes -1, from which no resume is possible."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
