"""Admission: a session opens, a session ends. All that goes with either happens here, in one step."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from models.tokens import Identity
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.presence.changelog import ChangeLog
from realtime.presence.engine import Presence
from realtime.presence.registry import Registry
from realtime.protocol import (
    Channel,
    CloseCode,
    ConnectionEstablished,
    Message,
    Reason,
    UserStatusUpdate,
    encode,
)
from realtime.ratelimit import SlidingWindow
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.fanout import FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.liveness import Liveness
from realtime.sockets.outbox import Interest, Outbox
from realtime.sockets.session import Session
from realtime.sockets.stats import Stats
from realtime.sockets.transport import Transport

_GREETINGS: dict[Channel, str] = {
    "feed": "Connected to feed updates",
    "presence": "Connected to presence updates",
}


class LimitReached(Exception):
    """No more sockets: for this user, this address, or in all. `close_code` says what the client shall do."""

    def __init__(self, close_code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.close_code = close_code


class ConnectRequest(msgspec.Struct, frozen=True):
    """A connection that asks for a session. `epoch` and `since` are what a returning client knows."""

    identity: Identity
    channel: Channel
    address: str
    device: str
    epoch: str | None = None
    since: int | None = None
    counts_by_address: bool = True


class SocketLimits(msgspec.Struct, frozen=True):
    """See the settings of the same names."""

    sockets_per_user: int
    sockets_per_address: int
    sockets_limit: int
    outbox_limit_bytes: int
    snapshot_page_users: int
    heartbeat_interval_seconds: int
    error_interval_seconds: float


class Admission:
    """Opens and ends sessions. `new_id` gives a text that never comes twice."""

    def __init__(
        self,
        hub: Hub,
        fan_out: FanOut,
        presence: Presence,
        registry: Registry,
        log: ChangeLog,
        liveness: Liveness,
        authenticator: Authenticator,
        stats: Stats,
        clock: Clock,
        counters: Counters,
        new_id: Callable[[], str],
        limits: SocketLimits,
    ) -> None:
        self._hub = hub
        self._fan_out = fan_out
        self._presence = presence
        self._registry = registry
        self._log = log
        self._liveness = liveness
        self._authenticator = authenticator
        self._stats = stats
        self._clock = clock
        self._counters = counters
        self._new_id = new_id
        self._limits = limits
        self.closing = False
        """While the server drains, ends are the server's doing: nobody goes offline by them."""

    def admit(self, request: ConnectRequest, transport: Transport) -> Session:
        """Open a session: register it and send its first messages in one step, so that nothing falls between.

        Raises Full.
        """
        self._check_room(request)
        session = self._make(request, transport)
        resumed = self._log.can_resume(request.epoch, request.since)
        self._presence.join(session.user_id)
        self._hub.add(session)
        try:
            self._welcome(session, request, resumed)
        except BaseException:
            session.closed_by_peer(None)  # nobody else would: the connection ends without a word to us
            raise
        return session

    def dismiss(self, session: Session, reason: Reason, clean: bool) -> None:
        """Undo all that `admit` did."""
        self._fan_out.remove(session)
        self._liveness.forget(session)
        self._hub.remove(session)
        if not self.closing:
            self._presence.leave(session.user_id, reason, clean=clean)

    def _welcome(self, session: Session, request: ConnectRequest, resumed: bool) -> None:
        session.outbox.add(b"".join(encode(message) for message in self._first_messages(session, resumed)))
        session.outbox.since = request.since if resumed and request.since is not None else self._log.seq
        session.outbox.sent_apart = session.user_id, self._log.seq
        self._fan_out.watch(session, everyone=True, user_ids=frozenset())
        if not resumed and (request.epoch is not None or request.since is not None):
            session.outbox.request_snapshot(request.channel, None)
        self._liveness.watch(session)
        self._fan_out.add(session)

    def _check_room(self, request: ConnectRequest) -> None:
        limits = self._limits
        if self.closing or len(self._hub) >= limits.sockets_limit:
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets")
        if request.counts_by_address and self._hub.from_address(request.address) >= limits.sockets_per_address:
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets from this address")
        if len(self._hub.of_user(request.identity.user_id)) >= limits.sockets_per_user:
            raise LimitReached(CloseCode.TOO_MANY_SOCKETS, "too many sockets for this user")

    def _make(self, request: ConnectRequest, transport: Transport) -> Session:
        now = self._clock.now()
        interest = Interest()
        outbox = Outbox(
            transport,
            self._log,
            self._registry.statuses,
            interest,
            self._clock.now,
            limit_bytes=self._limits.outbox_limit_bytes,
            page_users=self._limits.snapshot_page_users,
        )
        errors = SlidingWindow(1, self._limits.error_interval_seconds)
        session = Session(
            self._new_id(),
            request.identity,
            request.channel,
            request.address,
            request.device,
            transport,
            outbox,
            interest,
            now,
            errors,
            self._counters,
        )
        session.expires_at = self._authenticator.expires_at(request.identity)
        session.subscriptions = {request.channel: None, "calls": None}
        session.on_closed = self.dismiss
        return session

    def _first_messages(self, session: Session, resumed: bool) -> list[Message]:
        established = ConnectionEstablished(
            message=_GREETINGS[session.channel],
            user_id=session.user_id,
            channel=session.channel,
            session_id=session.session_id,
            epoch=self._log.epoch,
            seq=self._log.seq,
            server_time=self._clock.utc(),
            heartbeat_interval=self._limits.heartbeat_interval_seconds,
            resumed=resumed,
        )
        own = UserStatusUpdate(
            user_id=session.user_id,
            status=self._presence.status(session.user_id),
            seq=self._log.latest_seq(session.user_id),
            reason="connected",
        )
        messages: list[Message] = [established, own]
        if session.channel == "feed":
            messages.append(self._stats.message())
        self._counters.messages_out.update(connection_established=1, user_status_update=1)
        return messages
