"""Store check: compares the calls and busy users in the store with what the server knows."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeVar

from models.calls import Call, CallLock
from realtime.calls.ongoing import OngoingCalls
from realtime.presence.registry import Registry

K = TypeVar("K")
V = TypeVar("V")


class CheckedCalls(Protocol):
    """The part of the calls' store that is needed here."""

    async def all_locks(self) -> list[CallLock]:
        """Every call lock."""

    async def ongoing(self) -> list[Call]:
        """Every ongoing call."""


class CheckedUsers(Protocol):
    """The part of the users' store that is needed here."""

    async def busy(self) -> list[tuple[int, datetime | None]]:
        """(user id, busy_until) of everyone set busy."""


class StoreCheck:
    """Finds what a crashed process, another program, or a manual change left in the store.

    Writes go on between reading and comparing, so a difference counts only if two comparisons in a row show it.
    """

    def __init__(self, calls: CheckedCalls, users: CheckedUsers, registry: Registry, ongoing: OngoingCalls) -> None:
        self._calls = calls
        self._users = users
        self._registry = registry
        self._ongoing = ongoing
        self._seen: tuple[dict[str, Call], dict[int, str], dict[int, datetime | None]] = {}, {}, {}
        """What the last comparison found, for each of the three below."""
        self.stray_calls: dict[str, Call] = {}
        """Calls that are ongoing only in the store."""
        self.dead_locks: dict[int, str] = {}
        """Users whom the store locks in a call that is not ongoing, with the call's id."""
        self.stored_busy: dict[int, datetime | None] = {}
        """Users who are set busy only in the store, and until when."""

    def is_busy(self, user_id: int) -> bool:
        """Whether the user is set busy only in the store."""
        return user_id in self.stored_busy

    def is_ongoing(self, call_id: str) -> bool:
        """Whether the call is ongoing only in the store."""
        return call_id in self.stray_calls

    def held_by(self, call_id: str) -> list[int]:
        """The users whom the store locks in this call, which is not ongoing."""
        return [user_id for user_id, held in self.dead_locks.items() if held == call_id]

    def repaired_busy(self, user_id: int) -> None:
        """The store no longer says that the user is set busy. The next comparison would find out later."""
        self.stored_busy.pop(user_id, None)

    def repaired_call(self, call_id: str) -> None:
        """The store no longer holds anything of the call."""
        self.stray_calls.pop(call_id, None)
        for user_id in self.held_by(call_id):
            del self.dead_locks[user_id]

    async def compare(self) -> None:
        """Compare, and keep what the last comparison found too. Raises StoreUnavailable, and then changes nothing."""
        locks = await self._calls.all_locks()
        ongoing = {call.call_id: call for call in await self._calls.ongoing()}
        busy = await self._users.busy()
        stray = {call_id: call for call_id, call in ongoing.items() if call_id not in self._ongoing}
        dead = {
            lock.user_id: lock.call_id
            for lock in locks
            if lock.call_id not in ongoing and lock.call_id not in self._ongoing
        }
        stored = {user_id: until for user_id, until in busy if self._is_not_busy(user_id)}
        before, self._seen = self._seen, (stray, dead, stored)
        self.stray_calls = _in_both(before[0], stray)
        self.dead_locks = _in_both(before[1], dead)
        self.stored_busy = _in_both(before[2], stored)

    def _is_not_busy(self, user_id: int) -> bool:
        """Nothing can be said about a user whom this server does not know yet."""
        entry = self._registry.find(user_id)
        return entry is not None and not entry.claims.set_busy


def _in_both(before: dict[K, V], now: dict[K, V]) -> dict[K, V]:
    return dict(now.items() & before.items())
