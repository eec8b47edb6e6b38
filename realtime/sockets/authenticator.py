"""Gate: whom a token or a ticket lets in, and who was turned out."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from models.accounts import is_revoked_by
from models.errors import Unauthenticated
from models.tokens import Identity, Tokens
from realtime.clock import Clock
from realtime.presence.registry import Registry
from realtime.protocol import CloseCode
from realtime.sockets.hub import Hub


class Authenticator:
    """Decides from memory alone, so that neither a socket nor a flood of bad tokens waits for the store."""

    def __init__(
        self,
        tokens: Tokens,
        registry: Registry,
        hub: Hub,
        clock: Clock,
        unix_now: Callable[[], float],
        *,
        ticket_seconds: float,
    ) -> None:
        self._tokens = tokens
        self._registry = registry
        self._hub = hub
        self._clock = clock
        self._unix_now = unix_now
        self._ticket_seconds = ticket_seconds
        self._revoked: dict[str, float] = {}
        """Revoked logins, each with the Unix seconds at which its last access token expires."""
        self._tickets: dict[str, tuple[Identity, float]] = {}

    def identify(self, token: str) -> Identity:
        """Who an access token says is there. Raises TokenExpired, Unauthenticated."""
        identity = self._tokens.verify(token, "access")
        if self.is_revoked(identity):
            raise Unauthenticated
        return identity

    def is_revoked(self, identity: Identity) -> bool:
        """Whether the identity's login, or its user, was turned out since."""
        entry = self._registry.find(identity.user_id)
        return (
            entry is None
            or entry.disabled
            or identity.login_id in self._revoked
            or is_revoked_by(entry.tokens_after, identity)
        )

    def expires_at(self, identity: Identity) -> float:
        """When the identity's token ends, in steady seconds: a jump of the wall clock afterwards ends nobody."""
        return self._clock.now() + identity.expires_at - self._unix_now()

    def issue_ticket(self, identity: Identity) -> str:
        """A ticket that opens one socket as this identity, so that no token needs to stand in a URL."""
        self._drop_old_tickets()
        ticket = secrets.token_urlsafe(32)
        self._tickets[ticket] = identity, self._clock.now() + self._ticket_seconds
        return ticket

    def redeem_ticket(self, ticket: str) -> Identity:
        """Who holds the ticket. It is used up. Raises Unauthenticated."""
        identity, until = self._tickets.pop(ticket, (None, 0.0))
        if identity is None or until <= self._clock.now() or self.is_revoked(identity):
            raise Unauthenticated("Invalid ticket")
        return identity

    def revoke_login(self, login_id: str, until: float) -> None:
        """Refuse the login's tokens from now on and end its sockets. `until` is when the last of them expires."""
        self.note_revoked(login_id, until)
        self._hub.close_login(login_id, CloseCode.REVOKED, "signed out")

    def note_revoked(self, login_id: str, until: float) -> None:
        """Refuse the login's tokens, the last of which expires at `until`, in Unix seconds."""
        now = self._unix_now()
        self._revoked = {each: end for each, end in self._revoked.items() if end > now}
        self._revoked[login_id] = until

    def _drop_old_tickets(self) -> None:
        """Tickets all live equally long, so the oldest stand first."""
        now = self._clock.now()
        for ticket in [each for each, (_, until) in self._tickets.items() if until <= now]:
            del self._tickets[ticket]
