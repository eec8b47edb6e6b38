"""Inspector: compares what the stores hold of calls and busy users with what the server knows."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeVar

from models.calls import Call
from realtime.calls.switchboard import Switchboard
from realtime.presence.registry import Registry

K = TypeVar("K")
V = TypeVar("V")


class CheckedCalls(Protocol):
    """What of the store of calls is needed here."""

    async def all_claims(self) -> list[tuple[int, str]]:
        """(user id, call id) of every claim."""

    async def ongoing(self) -> list[Call]:
        """Every ongoing call."""


class CheckedUsers(Protocol):
    """What of the store of users is needed here."""

    async def busy(self) -> list[tuple[int, datetime | None]]:
        """(user id, busy_until) of everyone set busy."""


class StoreCheck:
    """Finds what a lost process, another program or a hand left in the stores.

    Between reading and comparing, writes go on. So only what is seen at two looks in a row counts.
    """

    def __init__(self, calls: CheckedCalls, users: CheckedUsers, registry: Registry, switchboard: Switchboard) -> None:
        self._calls = calls
        self._users = users
        self._registry = registry
        self._switchboard = switchboard
        self._seen: tuple[dict[str, Call], dict[int, str], dict[int, datetime | None]] = {}, {}, {}
        """What the last look saw of each of the three below."""
        self.stray_calls: dict[str, Call] = {}
        """Calls that are ongoing in the store alone."""
        self.dead_claims: dict[int, str] = {}
        """Users whom the store holds in a call that is not ongoing, and the call's id."""
        self.stored_busy: dict[int, datetime | None] = {}
        """Users who are set busy in the store alone, and until when."""

    async def look(self) -> None:
        """Read, compare, and keep what the last look saw too. Raises StoreUnavailable, and then keeps all as it was."""
        claims = await self._calls.all_claims()
        ongoing = {call.call_id: call for call in await self._calls.ongoing()}
        busy = await self._users.busy()
        stray = {call_id: call for call_id, call in ongoing.items() if self._switchboard.find(call_id) is None}
        dead = {
            user_id: call_id
            for user_id, call_id in claims
            if call_id not in ongoing and self._switchboard.find(call_id) is None
        }
        stored = {user_id: until for user_id, until in busy if self._is_not_busy(user_id)}
        before, self._seen = self._seen, (stray, dead, stored)
        self.stray_calls = _in_both(before[0], stray)
        self.dead_claims = _in_both(before[1], dead)
        self.stored_busy = _in_both(before[2], stored)

    def _is_not_busy(self, user_id: int) -> bool:
        """Of a user whom this server doesn't know yet nothing can be said."""
        entry = self._registry.find(user_id)
        return entry is not None and not entry.claims.set_busy


def _in_both(before: dict[K, V], now: dict[K, V]) -> dict[K, V]:
    return dict(now.items() & before.items())
