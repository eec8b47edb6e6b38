"""Command guard: limits how often a peer may send commands, and closes sockets that keep breaking the rules."""

from __future__ import annotations

from typing import Protocol

from realtime.clock import Clock
from realtime.counters import Counters
from realtime.protocol import CloseCode, ErrorCode
from realtime.ratelimit import Buckets, Strikes
from settings import Settings


class GuardedPeer(Protocol):
    """What the guard needs of a user's or an operator's session."""

    strikes: Strikes

    def refuse(self, code: ErrorCode, message: str, now: float, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...


class CommandGuard:
    """A single error is answered and forgiven. A stream of errors closes the socket."""

    def __init__(self, settings: Settings, clock: Clock, counters: Counters, buckets: Buckets) -> None:
        self.clock = clock
        self.counters = counters
        self._buckets = buckets
        self._rate_strikes = settings.rate_strikes
        self._invalid_strikes = settings.invalid_strikes
        self._strike_window_seconds = settings.strike_window_seconds

    def take(self, peer: GuardedPeer, key: int | str) -> bool:
        """Count one command. False when `key` has sent too many; then the peer has been told."""
        now = self.clock.now()
        if self._buckets.take(key, now):
            return True
        self.counters.messages_in["rate_limited"] += 1
        peer.refuse("RATE_LIMIT_ERROR", "Rate limit exceeded", now)
        self._strike(peer, "rate", self._rate_strikes, CloseCode.RATE_LIMITED)
        return False

    def refuse_invalid(self, peer: GuardedPeer, message: str) -> None:
        """Refuse a message that is not a valid command."""
        self.counters.messages_in["invalid"] += 1
        peer.refuse("INVALID_MESSAGE_ERROR", message, self.clock.now())
        self._strike(peer, "invalid", self._invalid_strikes, CloseCode.PROTOCOL_VIOLATION)

    def _strike(self, peer: GuardedPeer, kind: str, limit: int, code: CloseCode) -> None:
        if not peer.strikes.add(kind, limit, self._strike_window_seconds, self.clock.now()):
            peer.close(code, kind)
