"""Token families: the refresh tokens of a login. Each is used once and has one successor."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from models.errors import TooMany
from models.logins import Login, Logins, UsedToken
from models.times import EPOCH
from models.tokens import Identity, Tokens
from settings import Settings

USES_LIMIT = 30
"""Uses of one family within the leeway. All of them are kept in the login's document."""


class TokenFamilies:
    """Gives a refresh token its successor: a new one at the first use, and the same one again for a while after it.

    Clients use a token again when the answer was lost, or when two tabs refresh at once. The successor is derived from
    the login and its generation, so the store never has to hold a token.

    `now` returns aware UTC, `steady` returns seconds that no correction of the clock changes, and `process_id` is
    different for each start of the server.
    """

    def __init__(
        self,
        logins: Logins,
        tokens: Tokens,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        steady: Callable[[], float],
        process_id: str,
    ) -> None:
        self._logins = logins
        self._tokens = tokens
        self._leeway_seconds = settings.refresh_leeway_seconds
        self._life = timedelta(seconds=settings.refresh_token_seconds)
        self._now = now
        self._steady = steady
        self._process_id = process_id
        self._started_at = now()
        self._started = steady()

    async def successor(self, used: Identity) -> str | None:
        """The token that follows this one, or None if the login is revoked or must be. Raises TooMany."""
        for _ in range(2):  # a use that another request has overtaken is found in the document that it wrote
            login = await self._logins.get(used.login_id)
            if login is None or login.is_revoked:
                return None
            known = next((each for each in login.used if each.token_id == used.token_id), None)
            if known is not None:
                return self._token(used, known) if self._is_answered(known, login) else None
            if used.token_id != login.refresh_id:
                return None
            use = self._use(used, login)
            following = self._tokens.refresh_id(used.login_id, use.generation + 1)
            if await self._logins.rotate(used.login_id, following, [*self._recent(login), use]):
                return self._token(used, use)
        return None

    def _use(self, used: Identity, login: Login) -> UsedToken:
        """The first use of the login's current token, now."""
        recent = self._recent(login)
        if len(recent) >= USES_LIMIT:
            raise TooMany(
                "This login has been refreshed too often.",
                retry_after=max(1, math.ceil(self._leeway_seconds - self._age(recent[0]))),
            )
        at = self._now()
        expires_at = EPOCH + timedelta(seconds=int(at.timestamp())) + self._life
        return UsedToken(used.token_id, login.generation, at, self._steady(), self._process_id, expires_at)

    def _recent(self, login: Login) -> list[UsedToken]:
        return [each for each in login.used if self._age(each) < self._leeway_seconds]

    def _is_answered(self, use: UsedToken, login: Login) -> bool:
        """Within the leeway, or as long as nobody has used the successor."""
        return use.generation + 1 == login.generation or self._age(use) < self._leeway_seconds

    def _age(self, use: UsedToken) -> float:
        """Seconds since a token was used, whatever corrected the clock while this process was running.

        A use that another process noted is at least as old as this process.
        """
        if use.process_id == self._process_id:
            return self._steady() - use.steady_at
        before = (self._started_at - use.at).total_seconds()
        return max(0.0, before) + self._steady() - self._started

    def _token(self, used: Identity, use: UsedToken) -> str:
        """The successor: always the same text."""
        successor = msgspec.structs.replace(
            used,
            token_id=self._tokens.refresh_id(used.login_id, use.generation + 1),
            issued_at=int(use.at.timestamp()),
            expires_at=int(use.expires_at.timestamp()),
        )
        return self._tokens.sign(successor, "refresh")
