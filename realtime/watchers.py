"""Watchers: operators' sockets. What they are sent is made once for all; none of it is evidence of any user's life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from models.desk import OnDuty
from realtime.admission import Full
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.operatormessages import OperatorConnected, encode_pieces
from realtime.overview import Overview
from realtime.protocol import PING_FRAME, CloseCode, Error, ServerDraining
from realtime.ratelimit import SlidingWindow
from realtime.transport import Transport
from realtime.watcher import Watcher


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


class Watchers:
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
        self._watchers: dict[str, Watcher] = {}
        self._told_at = 0.0
        self._closing = False

    def __len__(self) -> int:
        return len(self._watchers)

    def __iter__(self) -> Iterator[Watcher]:
        return iter(list(self._watchers.values()))

    def admit(self, duty: OnDuty, transport: Transport, version: str) -> Watcher:
        """Open an operator's socket and send the overview, in one step. `version` is of the dashboard's files.

        Raises Full.
        """
        if self._closing or len(self) >= self._rules.operator_sockets_limit:
            raise Full(CloseCode.TRY_LATER, "too many operators' sockets")
        watcher = Watcher(
            self._new_id(),
            duty,
            transport,
            self._clock.now,
            SlidingWindow(1, self._rules.error_interval_seconds),
            self._counters,
            limit_bytes=self._rules.outbox_limit_bytes,
        )
        watcher.on_caught_up = self._make_up
        watcher.on_closed = self._forget
        self._tell(everything=True)
        self._watchers[watcher.session_id] = watcher
        watcher.push_frames(*self._greeting(watcher, version), *self._whole())
        return watcher

    def tick(self) -> None:
        """Tell everybody what changed."""
        self._tell(everything=False)

    def sweep(self) -> None:
        """Ping who is due; close who is silent, slow, or signed in for too long."""
        rules, now, utc = self._rules, self._clock.now(), self._clock.utc()
        longest = timedelta(seconds=rules.operator_session_seconds)
        for watcher in self:
            if utc - watcher.duty.sign_in.started_at > longest:
                _sign_out(watcher)
            elif watcher.waiting_since is not None and now - watcher.waiting_since >= rules.slow_limit_seconds:
                watcher.close(CloseCode.SLOW_CONSUMER, "slow consumer")
            elif watcher.heard_at < watcher.pinged_at and now - watcher.pinged_at >= rules.pong_timeout_seconds:
                watcher.close(CloseCode.UNRESPONSIVE, "no pong")
            elif now - watcher.pinged_at >= rules.ping_interval_seconds:
                watcher.ping(PING_FRAME)

    def close_sign_in(self, sign_in_id: str) -> None:
        """A sign-in ended: so do its sockets."""
        for watcher in self:
            if watcher.duty.sign_in.sign_in_id == sign_in_id:
                _sign_out(watcher)

    def close_operator(self, operator_id: int) -> None:
        """All of an operator's sign-ins ended."""
        for watcher in self:
            if watcher.duty.operator.operator_id == operator_id:
                _sign_out(watcher)

    def sign_ins(self) -> set[str]:
        """The sign-ins that have a socket: their operators are there."""
        return {watcher.duty.sign_in.sign_in_id for watcher in self}

    def drain(self, reconnect_after_ms: Callable[[], int]) -> None:
        """Send everybody away, each with a delay of its own, and take nobody in any more."""
        self._closing = True
        for watcher in self:
            watcher.push(ServerDraining(reconnect_after_ms=reconnect_after_ms()))
            watcher.close(CloseCode.RESTART, "service restart")

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
        for watcher in self:
            watcher.offer(update)

    def _make_up(self, watcher: Watcher) -> None:
        """One who missed updates has taken all that waited."""
        self._tell(everything=True)  # to the others: one who is behind is offered nothing
        watcher.is_behind = False
        watcher.push_frames(*self._whole())

    def _whole(self) -> list[bytes]:
        """Everything, when all who aren't behind have been told all: so they stand at its `seq`."""
        self._counters.messages_out["overview"] += 1
        snapshot = self._overview.snapshot()
        self._overview.is_watched = True
        return snapshot

    def _greeting(self, watcher: Watcher, version: str) -> list[bytes]:
        return encode_pieces(
            OperatorConnected(
                message="Connected to the overview",
                operator=watcher.duty.operator.name,
                role=watcher.duty.operator.role,
                session_id=watcher.session_id,
                epoch=self._epoch,
                seq=self._overview.seq,
                server_time=self._clock.utc(),
                heartbeat_interval=self._rules.heartbeat_interval_seconds,
                version=version,
            )
        )

    def _forget(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher.session_id, None)
        self._overview.is_watched = bool(self._watchers)


def _sign_out(watcher: Watcher) -> None:
    watcher.push(Error(message="Signed out", code="AUTH_ERROR"))
    watcher.close(CloseCode.TOKEN_EXPIRED, "signed out")
