"""Tickets: each opens one socket, once and soon, so that no token has to appear in a URL."""

from __future__ import annotations

import secrets

from models.tokens import Identity
from realtime.clock import Clock
from settings import Settings


class Tickets:
    """The open tickets. A user has at most `tickets_per_user`; a new one replaces the oldest."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._seconds = settings.ticket_seconds
        self._per_user = settings.tickets_per_user
        self._clock = clock
        self._open: dict[str, tuple[Identity, float]] = {}
        """Each ticket, oldest first, with its identity and the steady time at which it expires."""
        self._by_user: dict[int, dict[str, None]] = {}
        """The tickets of each user, oldest first."""

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, identity: Identity) -> str:
        """A new ticket."""
        self.sweep()
        theirs = self._by_user.get(identity.user_id, {})
        if len(theirs) >= self._per_user:
            self._remove(next(iter(theirs)))
        ticket = secrets.token_urlsafe(32)
        self._open[ticket] = identity, self._clock.now() + self._seconds
        self._by_user.setdefault(identity.user_id, {})[ticket] = None
        return ticket

    def redeem(self, ticket: str) -> Identity | None:
        """The identity that the ticket was issued to. None if it is unknown, used, replaced or expired."""
        identity, until = self._remove(ticket)
        return identity if until > self._clock.now() else None

    def sweep(self) -> None:
        """Remove expired tickets."""
        now = self._clock.now()
        while self._open:
            ticket, (_, until) = next(iter(self._open.items()))
            if until > now:
                return
            self._remove(ticket)

    def _remove(self, ticket: str) -> tuple[Identity | None, float]:
        identity, until = self._open.pop(ticket, (None, 0.0))
        if identity is not None:
            theirs = self._by_user[identity.user_id]
            del theirs[ticket]
            if not theirs:
                del self._by_user[identity.user_id]
        return identity, until
