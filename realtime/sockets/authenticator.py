"""Authenticator: whose token or ticket is valid, and which logins were revoked."""

from __future__ import annotations

import heapq
import math
import secrets
from collections.abc import Callable
from functools import partial

from models.accounts import is_revoked_by
from models.errors import Unauthenticated, Undecided
from models.service_keys import PREFIX, ServiceKey
from models.tokens import Identity, Tokens
from realtime.clock import Clock, Environment, Timers
from realtime.presence.log import Log, Proposal, Revocation
from realtime.presence.record import Record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import CloseCode
from realtime.sockets.foreign_identities import ForeignIdentities
from realtime.sockets.hub import Hub
from realtime.sockets.key_ring import KeyRing
from realtime.sockets.session import Caller
from realtime.sockets.shared_tickets import SharedTickets
from settings import Settings

CLOCK_ERROR_SECONDS = 86_400.0
"""How far a wrong clock may be put right. A revoked login is remembered this much longer than its tokens live, because
a clock that is set back makes expired tokens valid again."""


SIGNED_OUT = "signed out"

CLOSE_SECONDS = 0.2
"""How long sockets with refused tokens stay open. The server that was asked closes its own at once, and says why.

The others may learn of it from a notice half a second later, and must have closed theirs within a second.
"""


class Authenticator:
    """Decides from memory alone, so that neither a new socket nor a flood of bad tokens waits for the store."""

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        registry: Registry,
        hub: Hub,
        log: Log,
        key_ring: KeyRing,
        environment: Environment,
        timers: Timers,
    ) -> None:
        clock = environment.clock
        self._tokens = tokens
        self._registry = registry
        self._hub = hub
        self._log = log
        self._clock = clock
        self._timers = timers
        self._unix_now = environment.unix_now
        self.key_ring = key_ring
        key_ring.on_revoked = hub.close_key
        self.tickets = Tickets(settings, clock)
        self.tell_others: Callable[[Revocation], None] = _nobody_else
        """Tells other servers of a revoked login by another way than the log, which may be closed."""
        self.shared_tickets: SharedTickets | None = None
        """The tickets of a server that is not alone. They take the place of its own."""
        self.foreign: ForeignIdentities | None = None
        """Whose the tokens of another issuer are, if there is one."""
        self._revoked: dict[str, float] = {}
        """Revoked logins, each with the steady time at which it can be forgotten."""
        self._forgettable: list[tuple[float, str]] = []
        """A heap of the same times and logins."""

    def identify(self, token: str) -> Identity:
        """The identity in an access token. Raises TokenExpired, Unauthenticated.

        Raises Undecided if a token of another issuer needs more than what is in memory.
        """
        if self.foreign is not None and not self._tokens.has_verified(token) and self.foreign.is_theirs(token):
            return self.foreign.identify(token, self)
        identity = self._tokens.verify(token, "access")
        self.check(identity)
        return identity

    async def identify_later(self, token: str) -> Identity:
        """The same, after `identify` has raised Undecided. This may create a user.

        Raises TokenExpired, Unauthenticated, StoreUnavailable.
        """
        assert self.foreign is not None, "tokens of our own are decided at once"
        return await self.foreign.identify_later(token, self)

    def when_identified(
        self, token: str, then: Callable[[Identity], None], otherwise: Callable[[Unauthenticated], None]
    ) -> None:
        """Call one of two functions as soon as it is known whose the token is. This creates no user."""
        assert self.foreign is not None, "tokens of our own are decided at once"
        self.foreign.when_identified(token, self, then, otherwise)

    def identify_caller(self, credential: str) -> Caller:
        """Whose access token or service key it is. Raises TokenExpired, Unauthenticated."""
        return self.key_ring.find(credential) if credential.startswith(PREFIX) else self.identify(credential)

    async def identify_new_caller(self, credential: str) -> Caller:
        """The same, also for a key that was added a moment ago, and as `identify_later`.

        Raises StoreUnavailable as well.
        """
        if credential.startswith(PREFIX):
            return await self.key_ring.find_anywhere(credential)
        try:
            return self.identify(credential)
        except Undecided:
            return await self.identify_later(credential)

    def is_revoked(self, identity: Caller) -> bool:
        """Whether the key or the login was revoked, or the user disabled or removed, since the token was issued."""
        if isinstance(identity, ServiceKey):
            return self.key_ring.is_revoked(identity)
        entry = self._registry.find(identity.user_id)
        return (
            entry is None
            or entry.disabled
            or identity.login_id in self._revoked
            or is_revoked_by(entry, identity)
            or (identity.is_foreign and (self.foreign is None or self.foreign.is_cut_off(entry, identity)))
        )

    def check(self, identity: Identity) -> None:
        """Raise Unauthenticated if the login was revoked, or the user disabled or removed."""
        if self.is_revoked(identity):
            raise Unauthenticated

    def check_login(self, login_id: str) -> None:
        """Raise Unauthenticated if the login was revoked."""
        if login_id in self._revoked:
            raise Unauthenticated

    def expires_at(self, identity: Caller) -> float:
        """Steady time at which the token expires. Later jumps of the wall clock do not change it."""
        if isinstance(identity, ServiceKey):
            return math.inf
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

    async def new_ticket(self, identity: Identity) -> str:
        """A ticket that opens one socket, on whichever server. Raises StoreUnavailable."""
        if self.shared_tickets is None:
            return self.issue_ticket(identity)
        return await self.shared_tickets.issue(identity)

    async def identify_by_ticket(self, ticket: str) -> Identity:
        """The identity that the ticket was issued to, on whichever server. Raises Unauthenticated, StoreUnavailable."""
        if self.shared_tickets is None:
            return self.redeem_ticket(ticket)
        identity = await self.shared_tickets.redeem(ticket)
        if identity is None or self.is_revoked(identity):
            raise Unauthenticated("Invalid ticket")
        return identity

    def revoke_login(self, login_id: str, seconds: float, why: str = SIGNED_OUT) -> None:
        """Refuse the login's tokens, the last of which expires in `seconds`, and close its sockets.

        Here that does not wait for the log.
        """
        revoked = Revocation(login_id, seconds)
        self.login_revoked(revoked, why)
        self._log.append(Proposal((), "set", revoked=revoked))
        self.tell_others(revoked)

    def login_revoked(self, revoked: Revocation, why: str = SIGNED_OUT) -> None:
        """A login was revoked, on this server or another."""
        self.note_revoked(revoked.login_id, revoked.seconds)
        self._hub.close_login(revoked.login_id, CloseCode.REVOKED, why)

    def record_changed(self, entry: UserEntry, before: Record) -> None:
        """Close the sockets of a user whose tokens were revoked, or who was disabled, on another server."""
        record = entry.record
        if record.token_version > before.token_version or record.disabled > before.disabled:
            self.close_refused(record.profile.user_id, "disabled" if record.disabled else SIGNED_OUT)

    def user_removed(self, entry: UserEntry, before: Record, _is_own: bool) -> None:
        """A user was deleted."""
        in_use = [] if self.foreign is None else list(self.foreign.revoke_deleted(before.profile))
        self._hub.close_user(entry.profile.user_id, CloseCode.REVOKED, "deleted")
        for revoked in in_use:
            self.note_revoked(revoked.login_id, revoked.seconds)
            self._log.append(Proposal((), "set", revoked=revoked))

    def close_disabled(self, user_id: int) -> None:
        """Close the sockets of a user who was disabled by a request to this server."""
        self._hub.close_user(user_id, CloseCode.REVOKED, "disabled")

    def close_refused(self, user_id: int, why: str = SIGNED_OUT) -> None:
        """Close the user's sockets that were opened with tokens which are refused now, if nobody else does."""
        entry = self._registry.find(user_id)
        if self.foreign is not None and entry is not None:
            for revoked in self.foreign.revoke_spared(entry):
                self.revoke_login(revoked.login_id, revoked.seconds, why)
        when = self._clock.now() + CLOSE_SECONDS
        self._timers.at(when, ("refused", user_id), partial(self.close_refused_now, user_id, why))

    def close_refused_now(self, user_id: int, why: str = SIGNED_OUT) -> None:
        """Close the user's sockets that were opened with tokens which are refused now."""
        for session in self._hub.of_user(user_id):
            if self.is_revoked(session.identity):
                session.close(CloseCode.REVOKED, why, clean=True)

    def note_revoked(self, login_id: str, seconds: float) -> None:
        """Refuse the login's tokens, the last of which expires in `seconds`."""
        now = self._clock.now()
        self._revoked[login_id] = end = now + seconds + CLOCK_ERROR_SECONDS
        heapq.heappush(self._forgettable, (end, login_id))
        while self._forgettable[0][0] <= now:
            end, login_id = heapq.heappop(self._forgettable)
            if self._revoked.get(login_id) == end:
                del self._revoked[login_id]


def _nobody_else(_revoked: Revocation) -> None:
    """What a server that is alone tells the others."""


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
