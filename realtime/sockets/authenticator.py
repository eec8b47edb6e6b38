"""Authenticator: whose token or ticket is valid, and which logins were revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from models.accounts import is_revoked_by
from models.errors import Unauthenticated
from models.tokens import Identity, Tokens
from realtime.clock import Clock
from realtime.presence.registry import Registry
from realtime.protocol import CloseCode
from realtime.sockets.hub import Hub
from realtime.sockets.tickets import Tickets
from settings import Settings


class Authenticator:
    """Decides from memory alone, so that neither a new socket nor a flood of bad tokens waits for the store."""

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        registry: Registry,
        hub: Hub,
        clock: Clock,
        unix_now: Callable[[], float],
    ) -> None:
        self._tokens = tokens
        self._registry = registry
        self._hub = hub
        self._clock = clock
        self._unix_now = unix_now
        self.tickets = Tickets(settings, clock)
        self._revoked: dict[str, float] = {}
        """Revoked logins, with the Unix time at which the last access token of each expires."""

    def identify(self, token: str) -> Identity:
        """The identity in an access token. Raises TokenExpired, Unauthenticated."""
        identity = self._tokens.verify(token, "access")
        if self.is_revoked(identity):
            raise Unauthenticated
        return identity

    def is_revoked(self, identity: Identity) -> bool:
        """Whether the login was revoked, or the user disabled or removed, since the token was issued."""
        entry = self._registry.find(identity.user_id)
        return (
            entry is None
            or entry.disabled
            or identity.login_id in self._revoked
            or is_revoked_by(entry.tokens_after, identity)
        )

    def expires_at(self, identity: Identity) -> float:
        """Steady time at which the token expires. Later jumps of the wall clock do not change it."""
        return self._clock.now() + identity.expires_at - self._unix_now()

    def issue_ticket(self, identity: Identity) -> str:
        """A ticket that opens one socket as this identity, so that no token has to appear in a URL."""
        return self.tickets.issue(identity)

    def redeem_ticket(self, ticket: str) -> Identity:
        """The identity that the ticket was issued to. A ticket works once. Raises Unauthenticated."""
        identity = self.tickets.redeem(ticket)
        if identity is None or self.is_revoked(identity):
            raise Unauthenticated("Invalid ticket")
        return identity

    def revoke_user(self, user_id: int, at: datetime) -> None:
        """Refuse all of the user's tokens issued up to this moment."""
        self._registry.get(user_id).tokens_after = at

    def revoke_login(self, login_id: str, until: float) -> None:
        """Refuse the login's tokens from now on and close its sockets. `until`: Unix time when the last one expires."""
        self.note_revoked(login_id, until)
        self._hub.close_login(login_id, CloseCode.REVOKED, "signed out")

    def note_revoked(self, login_id: str, until: float) -> None:
        """Refuse the login's tokens. The last of them expires at `until`, in Unix seconds."""
        now = self._unix_now()
        self._revoked = {each: end for each, end in self._revoked.items() if end > now}
        self._revoked[login_id] = until
