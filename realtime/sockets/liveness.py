"""Liveness: pings every socket, and closes those that are silent, slow, or whose token has expired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from models.tokens import Identity
from realtime.clock import Clock, Timers
from realtime.protocol import PING_FRAME, CloseCode, Error, TokenExpiring
from realtime.sockets.session import Session
from settings import Settings


class PingedPeer(Protocol):
    """What liveness needs of a user's or an operator's session."""

    is_open: bool
    heard_at: float

    @property
    def waiting_since(self) -> float | None: ...
    def ping(self, frame: bytes, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...
    def close_unresponsive(self) -> None: ...


class Liveness:
    """A sweep of the server's own. Tornado's ping timeout closes late and with 1000, on which clients stay away.

    The interval between pings is the same for all sockets. So two dictionaries in the order of insertion are queues in
    the order of time: peers to be pinged next, and peers whose pong is awaited.
    """

    def __init__(self, settings: Settings, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._ping_interval_seconds = settings.ping_interval_seconds
        self._pong_timeout_seconds = settings.pong_timeout_seconds
        self._slow_limit_seconds = settings.slow_limit_seconds
        self._token_grace_seconds = settings.token_grace_seconds
        self._token_warning_seconds = settings.token_warning_seconds
        self._to_ping: dict[PingedPeer, float] = {}
        """Steady time at which each peer is to be pinged."""
        self._pinged: dict[PingedPeer, float] = {}
        """Steady time at which each peer was pinged that has not been checked since."""

    def watch(self, peer: PingedPeer) -> None:
        """Ping a new peer from now on."""
        self._to_ping[peer] = self._clock.now() + self._ping_interval_seconds

    def forget(self, peer: PingedPeer) -> None:
        """Forget a peer that has ended."""
        self._to_ping.pop(peer, None)
        self._pinged.pop(peer, None)

    def sweep(self, slow: Iterable[PingedPeer]) -> None:
        """Send the pings that are due, and close peers without a pong. `slow`: peers that may have stopped reading."""
        now = self._clock.now()
        for peer in _due(self._pinged, now - self._pong_timeout_seconds):
            if peer.heard_at < self._pinged.pop(peer):
                peer.close_unresponsive()
        for peer in _due(self._to_ping, now):
            del self._to_ping[peer]
            peer.ping(PING_FRAME)
            if peer.is_open:
                self._pinged[peer] = now
                self._to_ping[peer] = now + self._ping_interval_seconds
        for peer in slow:
            waiting_since = peer.waiting_since
            if waiting_since is not None and waiting_since + self._slow_limit_seconds <= now:
                peer.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    def await_expiry(self, session: Session, identity: Identity) -> None:
        """Warn before the token expires, then close the session. Call again after each new token."""
        warn_at = session.expires_at - self._token_warning_seconds
        self._timers.at(warn_at, session.session_id, partial(self._warn, session, identity))

    def forget_expiry(self, session: Session) -> None:
        """The session has ended."""
        self._timers.cancel(session.session_id)

    def is_expired(self, session: Session) -> bool:
        """Whether the token has expired and its grace period is over."""
        return self._clock.now() >= session.expires_at + self._token_grace_seconds

    def expire(self, session: Session) -> None:
        """Close a session whose token has expired."""
        session.push(Error(message="Token expired", code="AUTH_ERROR"))
        session.close(CloseCode.TOKEN_EXPIRED, "token expired")

    def _warn(self, session: Session, identity: Identity) -> None:
        expires_at = datetime.fromtimestamp(identity.expires_at, UTC)
        session.push(TokenExpiring(expires_at=expires_at))
        if session.is_open:
            end = session.expires_at + self._token_grace_seconds
            self._timers.at(end, session.session_id, partial(self.expire, session))


def _due(queue: dict[PingedPeer, float], now: float) -> list[PingedPeer]:
    due: list[PingedPeer] = []
    for peer, at in queue.items():
        if at > now:
            break
        due.append(peer)
    return due
