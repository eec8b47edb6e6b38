"""Watchers: operators' sockets. What they are sent is made once for all; none of it is evidence of any user's life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from models.operator_auth import SignedInOperator
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.dashboard.operator_messages import OperatorConnected, encode_pieces
from realtime.dashboard.operator_session import OperatorSession
from realtime.dashboard.overview import Overview
from realtime.protocol import PING_FRAME, CloseCode, Error, ServerDraining
from realtime.ratelimit import SlidingWindow
from realtime.sockets.admission import LimitReached
from realtime.sockets.transport import Transport


class WatcherRules(msgspec.Struct, frozen=True):
    """See the settings of the same names."""

    operator_sockets_limit: int
    operator_session_seconds: int
    overview_idle_seconds: float
    outbox_limit_bytes: int
    ping_interval_seconds: float
    pong_timeout_seconds: float
    slow_limit_seconds: float
    heartbeat_interval_seconds: int
    error_interval_seconds: float


class OperatorSessions:
    """Every operator's socket. `epoch` names the numbering of this process."""

    def __init__(
        self,
        overview: Overview,
        clock: Clock,
        counters: Counters,
        epoch: str,
        new_id: Callable[[], str],
        rules: WatcherRules,
    ) -> None:
        self._overview = overview
        self._clock = clock
        self._counters = counters
        self._epoch = epoch
        self._new_id = new_id
        self._rules = rules
        self._watchers: dict[str, OperatorSession] = {}
        self._told_at = 0.0
        self._closing = False

    def __len__(self) -> int:
        return len(self._watchers)

    def __iter__(self) -> Iterator[OperatorSession]:
        return iter(list(self._watchers.values()))

    def admit(self, signed_in: SignedInOperator, transport: Transport, version: str) -> OperatorSession:
        """Open an operator's socket and send the overview, in one step. `version` is of the dashboard's files.

        Raises Full.
        """
        if self._closing or len(self) >= self._rules.operator_sockets_limit:
            raise LimitReached(CloseCode.TRY_LATER, "too many operators' sockets")
        operator_session = OperatorSession(
            self._new_id(),
            signed_in,
            transport,
            self._clock.now,
            SlidingWindow(1, self._rules.error_interval_seconds),
            self._counters,
            limit_bytes=self._rules.outbox_limit_bytes,
        )
        operator_session.on_caught_up = self._make_up
        operator_session.on_closed = self._forget
        self._tell(everything=True)
        self._watchers[operator_session.session_id] = operator_session
        operator_session.push_frames(*self._greeting(operator_session, version), *self._whole())
        return operator_session

    def tick(self) -> None:
        """Tell everybody what changed."""
        self._tell(everything=False)

    def sweep(self) -> None:
        """Ping who is due; close who is silent, slow, or signed in for too long."""
        rules, now, utc = self._rules, self._clock.now(), self._clock.utc()
        longest = timedelta(seconds=rules.operator_session_seconds)
        for operator_session in self:
            if utc - operator_session.signed_in.sign_in.started_at > longest:
                _sign_out(operator_session)
            elif (
                operator_session.waiting_since is not None
                and now - operator_session.waiting_since >= rules.slow_limit_seconds
            ):
                operator_session.close(CloseCode.SLOW_CONSUMER, "slow consumer")
            elif (
                operator_session.heard_at < operator_session.pinged_at
                and now - operator_session.pinged_at >= rules.pong_timeout_seconds
            ):
                operator_session.close(CloseCode.UNRESPONSIVE, "no pong")
            elif now - operator_session.pinged_at >= rules.ping_interval_seconds:
                operator_session.ping(PING_FRAME)

    def close_sign_in(self, sign_in_id: str) -> None:
        """A sign-in ended: so do its sockets."""
        for operator_session in self:
            if operator_session.signed_in.sign_in.sign_in_id == sign_in_id:
                _sign_out(operator_session)

    def close_operator(self, operator_id: int) -> None:
        """All of an operator's sign-ins ended."""
        for operator_session in self:
            if operator_session.signed_in.operator.operator_id == operator_id:
                _sign_out(operator_session)

    def sign_ins(self) -> set[str]:
        """The sign-ins that have a socket: their operators are there."""
        return {operator_session.signed_in.sign_in.sign_in_id for operator_session in self}

    def drain(self, reconnect_after_ms: Callable[[], int]) -> None:
        """Send everybody away, each with a delay of its own, and take nobody in any more."""
        self._closing = True
        for operator_session in self:
            operator_session.push(ServerDraining(reconnect_after_ms=reconnect_after_ms()))
            operator_session.close(CloseCode.RESTART, "service restart")

    def _tell(self, *, everything: bool) -> None:
        if not self._watchers:
            return
        now = self._clock.now()
        is_due = now - self._told_at >= self._rules.overview_idle_seconds
        update = self._overview.update(is_due=is_due, everything=everything)
        if update is None:
            return
        self._told_at = now
        self._counters.messages_out["overview_update"] += len(self)
        for operator_session in self:
            operator_session.offer(update)

    def _make_up(self, operator_session: OperatorSession) -> None:
        """One who missed updates has taken all that waited."""
        self._tell(everything=True)  # to the others: one who is behind is offered nothing
        operator_session.is_behind = False
        operator_session.push_frames(*self._whole())

    def _whole(self) -> list[bytes]:
        """Everything, when all who aren't behind have been told all: so they stand at its `seq`."""
        self._counters.messages_out["overview"] += 1
        snapshot = self._overview.snapshot()
        self._overview.is_watched = True
        return snapshot

    def _greeting(self, operator_session: OperatorSession, version: str) -> list[bytes]:
        return encode_pieces(
            OperatorConnected(
                message="Connected to the overview",
                operator=operator_session.signed_in.operator.name,
                role=operator_session.signed_in.operator.role,
                session_id=operator_session.session_id,
                epoch=self._epoch,
                seq=self._overview.seq,
                server_time=self._clock.utc(),
                heartbeat_interval=self._rules.heartbeat_interval_seconds,
                version=version,
            )
        )

    def _forget(self, operator_session: OperatorSession) -> None:
        self._watchers.pop(operator_session.session_id, None)
        self._overview.is_watched = bool(self._watchers)


def _sign_out(operator_session: OperatorSession) -> None:
    operator_session.push(Error(message="Signed out", code="AUTH_ERROR"))
    operator_session.close(CloseCode.TOKEN_EXPIRED, "signed out")
