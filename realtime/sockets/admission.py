"""Admission: opens and ends sessions. Everything that belongs to either happens here, in one step."""

from __future__ import annotations

from models.service_keys import ServiceKey
from models.status import Status, differs
from models.tokens import Identity
from realtime.clock import Environment
from realtime.presence.engine import Presence
from realtime.protocol import (
    Channel,
    CloseCode,
    ConnectionEstablished,
    Reason,
    UserStatusUpdate,
    encode,
)
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.fanout import FanOut
from realtime.sockets.frame_writer import Transport
from realtime.sockets.hub import Hub
from realtime.sockets.interest import EVERYONE, UNFILTERED
from realtime.sockets.liveness import Liveness
from realtime.sockets.outbox import Outbox
from realtime.sockets.session import ConnectRequest, Session
from realtime.sockets.stats import Stats
from realtime.sockets.told_ahead import ToldAhead
from settings import Settings, variable

_GREETINGS: dict[Channel, str] = {
    "feed": "Connected to feed updates",
    "presence": "Connected to presence updates",
}


class LimitReached(Exception):
    """No more sockets for this user or address, or in all. `close_code` tells the client what to do."""

    def __init__(self, close_code: CloseCode, reason: str, setting: str = "") -> None:
        super().__init__(reason)
        self.close_code = close_code
        self.setting = setting
        """The variable that raises the limit, for the log."""


class Admission:
    """Opens and ends sessions."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        presence: Presence,
        hub: Hub,
        fan_out: FanOut,
        liveness: Liveness,
        authenticator: Authenticator,
        stats: Stats,
    ) -> None:
        self._settings = settings
        self._clock = environment.clock
        self._now = environment.clock.now
        self._counters = environment.counters
        self._new_id = environment.new_id
        self._presence = presence
        self._statuses = presence.registry.statuses
        self._dismiss = self.dismiss  # each session has these bound methods, so they are bound only once
        self._hub = hub
        self._fan_out = fan_out
        self._log = fan_out.log
        self._liveness = liveness
        self._authenticator = authenticator
        self._stats = stats
        self.told_ahead: ToldAhead | None = None
        """On a server that is not alone: the sockets that were told their own status before the log had it."""
        self.closing = False
        """Set while the server drains: it is the server that ends the sessions then, so nobody goes offline."""
        self.is_cut_off = False
        """Set while the server cannot reach the log that it shares with others, and they can."""

    def admit(self, request: ConnectRequest, transport: Transport) -> Session:
        """Open a session: register it and send its first messages, in one step so that no update is missed.

        Raises LimitReached.
        """
        self._check_limits(request)
        session = self._create(request, transport)
        resumed = self._log.can_resume(request.epoch, request.since)
        if session.user_id is not None:
            self._presence.join(session.user_id)
        self._hub.add(session)
        try:
            self._welcome(session, request, resumed)
        except BaseException:
            session.closed_by_peer(None)  # nothing else would: the connection ends without notice
            raise
        return session

    def dismiss(self, session: Session, reason: Reason, clean: bool) -> None:
        """Undo everything that `admit` did."""
        user_id = session.user_id
        self._fan_out.remove(session)
        self._liveness.forget(session)
        self._hub.remove(session)
        if user_id is None:
            return
        if self.told_ahead is not None:
            self.told_ahead.forget(user_id, session)
        self._liveness.forget_expiry(session)
        if not self.closing:
            self._presence.leave(user_id, reason, clean=clean)

    def _welcome(self, session: Session, request: ConnectRequest, resumed: bool) -> None:
        outbox = session.outbox
        own = None if session.user_id is None else self._presence.expected_status(session.user_id)
        outbox.add(b"".join(self._first_frames(session, own, resumed)))
        outbox.since = request.since if resumed and request.since is not None else self._log.seq
        if own is not None:
            self._note_told(session, own)
        if isinstance(request.identity, Identity):
            self._liveness.await_expiry(session, request.identity)
        self._fan_out.watch(session, EVERYONE)
        if resumed:
            outbox.mark_resumed()
        elif request.epoch is not None or request.since is not None:
            outbox.request_snapshot(request.channel, UNFILTERED)
        self._liveness.watch(session)
        self._fan_out.add(session)

    def _note_told(self, session: Session, own: Status) -> None:
        """The user has been told the user's own status. It is not sent again."""
        session.outbox.sent_apart = own.user_id, self._log.seq
        if self.told_ahead is not None and differs(own, self._presence.status(own.user_id)):
            session.outbox.told_ahead = own
            self.told_ahead.note(own.user_id, session)

    def _check_limits(self, request: ConnectRequest) -> None:
        settings = self._settings
        if self.closing or self.is_cut_off or len(self._hub) >= settings.sockets_limit:
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets", variable("sockets_limit"))
        if request.counts_by_address and self._hub.from_address(request.address) >= settings.sockets_per_address:
            setting = variable("sockets_per_address")
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets from this address", setting)
        if isinstance(request.identity, ServiceKey):
            self._check_key_limit(request.identity)
        else:
            self._check_user(request.identity.user_id)

    def _check_key_limit(self, key: ServiceKey) -> None:
        """A backend has no abandoned devices, and each of its sockets is of use. So none of them has to make room."""
        if self._authenticator.is_revoked(key):  # during the upgrade
            raise LimitReached(CloseCode.REVOKED, "service key revoked")
        if len(self._hub.of_key(key.key_id)) >= self._settings.sockets_per_key:
            setting = variable("sockets_per_key")
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets of this service key", setting)

    def _check_user(self, user_id: int) -> None:
        if user_id in self._presence.registry.deleted:  # during the upgrade
            raise LimitReached(CloseCode.REVOKED, "deleted")
        self._make_room(user_id)

    def _make_room(self, user_id: int) -> None:
        """Close the most silent sockets beyond the limit: half-open ones, which the client has given up, go first."""
        sessions = self._hub.of_user(user_id)
        surplus = len(sessions) + 1 - self._settings.sockets_per_user
        if surplus <= 0:
            return
        for session in sorted(sessions, key=lambda each: (each.heard_at, each.opened_at))[:surplus]:
            session.close(CloseCode.REPLACED, "replaced by a newer socket")

    def _create(self, request: ConnectRequest, transport: Transport) -> Session:
        outbox = Outbox(transport, self._log, self._statuses, self._now, self._settings)
        seconds = self._settings.error_interval_seconds
        session = Session(self._new_id(), request, transport, outbox, seconds, self._counters, self._now())
        session.expires_at = self._authenticator.expires_at(request.identity)
        session.subscriptions = {request.channel: UNFILTERED, "calls": UNFILTERED}
        session.on_closed = self._dismiss
        return session

    def _first_frames(self, session: Session, own_status: Status | None, resumed: bool) -> list[bytes]:
        established = ConnectionEstablished(
            message=_GREETINGS[session.channel],
            user_id=session.user_id,
            channel=session.channel,
            session_id=session.session_id,
            epoch=self._log.epoch,
            seq=self._log.seq,
            server_time=self._clock.utc(),
            heartbeat_interval=self._settings.heartbeat_interval_seconds,
            resumed=resumed,
            command_burst=self._settings.command_burst,
            commands_per_second=self._settings.commands_per_second,
        )
        frames = [encode(established)]
        if own_status is not None:
            seq = self._log.latest_seq(own_status.user_id)
            frames.append(encode(UserStatusUpdate(own_status.user_id, own_status, seq, reason="connected")))
        out = self._counters.messages_out
        out["connection_established"] += 1
        out["user_status_update"] += len(frames) - 1
        if session.channel == "feed":
            frames.append(self._stats.frame(own_status))
        return frames
