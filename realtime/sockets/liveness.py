"""Liveness: pings, and the end of sockets that are silent, slow, or whose token ran out."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from realtime.clock import Clock
from realtime.protocol import PING_FRAME, CloseCode, Error, TokenExpiring
from realtime.sockets.session import Session
from realtime.timers import Timers


class Liveness:
    """A sweep of the server's own. Tornado's would close with 1000, on which clients don't come back, and late.

    All pings are equally far apart, so two queues in the order of time do: who is to be pinged, whose pong is awaited.
    """

    def __init__(
        self,
        timers: Timers,
        clock: Clock,
        *,
        ping_interval_seconds: float,
        pong_timeout_seconds: float,
        slow_limit_seconds: float,
        token_grace_seconds: float,
        token_warning_seconds: float,
    ) -> None:
        self._timers = timers
        self._clock = clock
        self._ping_interval_seconds = ping_interval_seconds
        self._pong_timeout_seconds = pong_timeout_seconds
        self._slow_limit_seconds = slow_limit_seconds
        self._token_grace_seconds = token_grace_seconds
        self._token_warning_seconds = token_warning_seconds
        self._to_ping: deque[tuple[float, Session]] = deque()
        self._pinged: deque[tuple[float, Session]] = deque()

    def watch(self, session: Session) -> None:
        """A session opened."""
        self._to_ping.append((self._clock.now() + self._ping_interval_seconds, session))
        self.await_expiry(session)

    def forget(self, session: Session) -> None:
        """A session ended; the queues drop it when its turn comes."""
        self._timers.cancel(("token", session.session_id))

    def await_expiry(self, session: Session) -> None:
        """Warn of the token's end, at once if it is near, then close. Called again for a new token."""
        warn_at = session.expires_at - self._token_warning_seconds
        self._timers.at(warn_at, ("token", session.session_id), lambda: self._warn(session))

    def sweep(self, behind: list[Session]) -> None:
        """Ping who is due, close who didn't answer the last ping or, of those behind, took nothing for too long."""
        now = self._clock.now()
        while self._to_ping and self._to_ping[0][0] <= now:
            _, session = self._to_ping.popleft()
            if session.is_open:
                session.push_frame(PING_FRAME)
                self._pinged.append((now, session))
                self._to_ping.append((now + self._ping_interval_seconds, session))
        while self._pinged and self._pinged[0][0] + self._pong_timeout_seconds <= now:
            pinged_at, session = self._pinged.popleft()
            if session.is_open and session.heard_at < pinged_at:
                session.close(CloseCode.UNRESPONSIVE, "no pong", why="timed_out")
        for session in behind:
            waiting_since = session.outbox.waiting_since
            if waiting_since is not None and waiting_since + self._slow_limit_seconds <= now:
                session.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    def expire(self, session: Session) -> None:
        """The token has ended, and the grace with it."""
        session.push(Error(message="Token expired", code="AUTH_ERROR"))
        session.close(CloseCode.TOKEN_EXPIRED, "token expired")

    def _warn(self, session: Session) -> None:
        expires_at = datetime.fromtimestamp(session.identity.expires_at, UTC)
        session.push(TokenExpiring(expires_at=expires_at))
        if session.is_open:
            self._await_end(session)

    def _await_end(self, session: Session) -> None:
        end = session.expires_at + self._token_grace_seconds
        self._timers.at(end, ("token", session.session_id), lambda: self.expire(session))
