"""Commands: each checked (token, rate, form), then carried out by the table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from models.errors import Unauthenticated
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.presence.engine import Presence
from realtime.protocol import (
    AnyCommand,
    CallStatusUpdate,
    CloseCode,
    Error,
    Heartbeat,
    HeartbeatAck,
    Ping,
    Pong,
    Refresh,
    Subscribe,
    SubscriptionConfirmed,
    TokenRefreshed,
    Unsubscribe,
    UnsubscriptionConfirmed,
    decode,
)
from realtime.ratelimit import Buckets
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.fanout import FanOut
from realtime.sockets.liveness import Liveness
from realtime.sockets.session import Session
from realtime.sockets.stats import Stats


class CommandRules(msgspec.Struct, frozen=True):
    """See the settings of the same names."""

    rate_strikes: int
    invalid_strikes: int
    strike_window_seconds: float
    watched_users_limit: int
    token_grace_seconds: float


class Commands:
    """What clients ask over sockets."""

    def __init__(
        self,
        authenticator: Authenticator,
        presence: Presence,
        fan_out: FanOut,
        liveness: Liveness,
        switchboard: Switchboard,
        stats: Stats,
        buckets: Buckets,
        clock: Clock,
        counters: Counters,
        rules: CommandRules,
    ) -> None:
        self._authenticator = authenticator
        self._presence = presence
        self._fan_out = fan_out
        self._liveness = liveness
        self._switchboard = switchboard
        self._stats = stats
        self._buckets = buckets
        self._clock = clock
        self._counters = counters
        self._rules = rules
        self._table: dict[type[AnyCommand], Callable[[Session, Any], None]] = {
            Ping: self._ping,
            Heartbeat: self._heartbeat,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Refresh: self._refresh,
        }

    def dispatch(self, session: Session, text: str) -> None:
        """Carry out one message of a client's, or say why not."""
        if not self.allow(session):
            return
        try:
            command = decode(text)
            self._check(command)
        except ValueError as error:
            self._refuse_invalid(session, str(error))
            return
        self._counters.messages_in[str(command.__struct_config__.tag)] += 1
        session.heard_at = self._clock.now()
        self._presence.seen(session.user_id)
        self._table[type(command)](session, command)

    def allow(self, session: Session) -> bool:
        """Whether the session may ask anything now: its token lives, and it doesn't ask too often."""
        now = self._clock.now()
        if not session.is_open:
            return False
        if now >= session.expires_at + self._rules.token_grace_seconds:
            self._liveness.expire(session)
            return False
        if self._authenticator.is_revoked(session.identity):
            session.push(Error(message="Signed out", code="AUTH_ERROR"))
            session.close(CloseCode.REVOKED, "signed out", clean=True)
            return False
        if self._buckets.take(session.user_id, now):
            return True
        self._counters.messages_in["rate_limited"] += 1
        session.refuse("RATE_LIMIT_ERROR", "Rate limit exceeded", now)
        self._strike(session, "rate", self._rules.rate_strikes, CloseCode.RATE_LIMITED)
        return False

    def pong(self, session: Session) -> None:
        """The client's protocol layer answered a ping."""
        session.heard_at = self._clock.now()
        self._presence.seen(session.user_id)

    def not_text(self, session: Session) -> None:
        """A binary message, which no command is."""
        if self.allow(session):
            self._refuse_invalid(session, "Invalid message format")

    def _refuse_invalid(self, session: Session, message: str) -> None:
        self._counters.messages_in["invalid"] += 1
        session.refuse("INVALID_MESSAGE_ERROR", message, self._clock.now())
        self._strike(session, "invalid", self._rules.invalid_strikes, CloseCode.PROTOCOL_VIOLATION)

    def _strike(self, session: Session, kind: str, limit: int, code: CloseCode) -> None:
        """One error is answered and forgiven; a stream of them ends the socket."""
        if not session.strikes.add(kind, limit, self._rules.strike_window_seconds, self._clock.now()):
            session.close(code, kind)

    def _ping(self, session: Session, command: Ping) -> None:
        now = self._clock.utc()
        stamp = now.isoformat().replace("+00:00", "Z") if command.timestamp is None else command.timestamp
        session.push(Pong(timestamp=stamp, server_time=now))

    def _heartbeat(self, session: Session, _command: Heartbeat) -> None:
        status = self._presence.heartbeat(session.user_id, over_socket=True)
        session.push(HeartbeatAck(status=status, server_time=self._clock.utc()))

    def _subscribe(self, session: Session, command: Subscribe) -> None:
        ids = command.user_ids
        session.subscriptions[command.subscription] = None if ids is None else frozenset(ids)
        session.push(SubscriptionConfirmed(subscription=command.subscription))
        if not session.is_open:  # the reply found the peer gone
            return
        self._watch(session)
        if command.wants_snapshot:
            self._request_snapshot(session, command)
        self._fan_out.catch_up(session)

    def _check(self, command: AnyCommand) -> None:
        """What the types alone don't say. Raises ValueError."""
        if not isinstance(command, Subscribe):
            return
        limit = self._rules.watched_users_limit
        if command.snapshot and command.updates_only:
            raise ValueError("snapshot and updates_only exclude each other")
        if command.user_ids is not None and command.subscription not in ("feed", "presence"):
            raise ValueError("user_ids goes with feed and presence")
        if command.user_ids is not None and len(command.user_ids) > limit:
            raise ValueError(f"user_ids has at most {limit} ids")

    def _request_snapshot(self, session: Session, command: Subscribe) -> None:
        if command.subscription == "calls":
            call = self._switchboard.ongoing_of(session.user_id)
            if call is not None:
                session.push(CallStatusUpdate(call=call))
        elif command.subscription == "stats":
            session.push(self._stats.message())
        else:
            session.outbox.request_snapshot(command.subscription, session.subscriptions[command.subscription])

    def _unsubscribe(self, session: Session, command: Unsubscribe) -> None:
        session.subscriptions.pop(command.subscription, None)
        self._watch(session)
        session.push(UnsubscriptionConfirmed(subscription=command.subscription))
        self._fan_out.catch_up(session)

    def _watch(self, session: Session) -> None:
        """Feed and presence tell the same updates; a session gets each once, by whichever it is subscribed to."""
        narrowed = [session.subscriptions[each] for each in ("feed", "presence") if each in session.subscriptions]
        user_ids = frozenset[int]().union(*(ids for ids in narrowed if ids is not None))
        self._fan_out.watch(session, everyone=None in narrowed, user_ids=user_ids)

    def _refresh(self, session: Session, command: Refresh) -> None:
        now = self._clock.now()
        try:
            identity = self._authenticator.identify(command.token)
        except Unauthenticated as error:
            session.refuse("AUTH_ERROR", error.message, now)
            return
        if identity.user_id != session.user_id:
            session.refuse("FORBIDDEN_ERROR", "This token is another user's", now)
            return
        session.identity = identity
        session.expires_at = self._authenticator.expires_at(identity)
        self._liveness.await_expiry(session)
        session.push(TokenRefreshed(expires_at=datetime.fromtimestamp(identity.expires_at, UTC)))
