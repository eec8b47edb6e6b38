"""Call store: writes calls and their locks in an order from which every failure can be recovered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from models.calls import Call, CallLock, ended
from models.errors import Conflict, StoreUnavailable
from realtime.clock import Clock, Incarnations


class StoredCalls(Protocol):
    """The part of the calls' store that is needed here; see models/calls.py."""

    async def lock(self, call_id: str, participants: tuple[int, int], incarnation: str) -> int | None: ...
    async def lock_of(self, user_id: int) -> CallLock | None: ...
    async def unlock(self, call_id: str, participants: tuple[int, int]) -> None: ...
    async def confirm(self, call_id: str, participants: tuple[int, int], incarnation: str) -> bool: ...
    async def release(self, lock: CallLock) -> None: ...
    async def all_locks(self) -> list[CallLock]: ...
    async def insert(self, call: Call) -> bool: ...
    async def get(self, call_id: str) -> Call | None: ...
    async def end(self, ended: Call) -> Call | None: ...
    async def ongoing(self) -> list[Call]: ...


class CallStore:
    """A call starts with its locks and then its document; it ends with its document and then its locks.

    So an ongoing call always holds both locks, and a lock without an ongoing call was left behind. Every method may
    raise StoreUnavailable, and may have been carried out all the same.

    A lock that was left behind is released only if the process that made it is lost, or is this one. A process that was
    only paused may write its call after that. So the locks are confirmed when the call is written, and the call is
    ended if they are gone.
    """

    def __init__(self, store: StoredCalls, clock: Clock, incarnations: Incarnations) -> None:
        self._store = store
        self._clock = clock
        self._incarnations = incarnations

    async def recover(self) -> list[Call]:
        """At start: the calls that are still ongoing. Stray locks are released, and calls without both locks ended."""
        calls = {call.call_id: call for call in await self._store.ongoing()}
        held: dict[str, set[int]] = {}
        for lock in await self._store.all_locks():
            if lock.call_id in calls:
                held.setdefault(lock.call_id, set()).add(lock.user_id)
            elif self._incarnations.is_lost(lock.incarnation):
                await self._store.release(lock)
        whole = [call for call in calls.values() if held.get(call.call_id) == set(call.participants)]
        for call in calls.values():
            if call not in whole:
                await self._drop(call)
        return whole

    async def get(self, call_id: str) -> Call | None:
        """One call."""
        return await self._store.get(call_id)

    async def lock_of(self, user_id: int) -> CallLock | None:
        """The user's call lock."""
        return await self._store.lock_of(user_id)

    async def begin(self, call: Call, is_starting: Callable[[str], bool]) -> int | None:
        """Lock both users and write the call, or do nothing and return the user who is in another call.

        `is_starting` recognises a call that holds its locks but is not written yet. Raises Conflict if the id is used.
        """
        own = self._incarnations.own
        locked = await self._store.lock(call.call_id, call.participants, own)
        for _ in call.participants:  # each may hold a stale lock
            if locked is not None and await self._give_up_stale(locked, is_starting):
                locked = await self._store.lock(call.call_id, call.participants, own)
        if locked is not None:
            return locked
        if not await self._store.insert(call):
            await self._store.unlock(call.call_id, call.participants)
            raise Conflict("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another call")
        if not await self._store.confirm(call.call_id, call.participants, own):
            await self._drop(call)
            raise StoreUnavailable("this server was paused while it started a call, whose locks were given up")
        return None

    async def end(self, here: Call) -> Call:
        """End an ongoing call as given. Returns how it ended, which differs if another end was first."""
        finished = await self._store.end(here) or await self._store.get(here.call_id) or here
        await self._store.unlock(here.call_id, here.participants)
        return finished

    async def give_up(self, call_id: str) -> None:
        """Release the locks of a call that is not ongoing any more."""
        for lock in await self._store.all_locks():
            if lock.call_id == call_id:
                await self._store.release(lock)

    async def settle(self, call: Call) -> Call | None:
        """What became of a call whose write failed. Its locks are released unless it is ongoing."""
        own = self._incarnations.own
        stored = await self._store.get(call.call_id)
        if stored is None:  # another server may be about to write it, for the same idempotency key
            for user_id in call.participants:
                for incarnation in (own, None):
                    await self._store.release(CallLock(user_id, call.call_id, incarnation))
        elif stored.status != "ongoing":
            await self._store.unlock(call.call_id, call.participants)
        elif not await self._store.confirm(call.call_id, call.participants, own):
            return await self._drop(stored)
        return stored

    async def _drop(self, call: Call) -> Call:
        return await self.end(ended(call, "dropped", self._clock.utc(), None))

    async def _give_up_stale(self, user_id: int, is_starting: Callable[[str], bool]) -> bool:
        """Release the user's lock if its call is not ongoing. Returns whether the user may be locked again."""
        lock = await self._store.lock_of(user_id)
        if lock is None:
            return True
        call = await self._store.get(lock.call_id)
        if (call is not None and call.status == "ongoing") or not self._may_give_up(lock, is_starting):
            return False
        await self._store.release(lock)
        return True

    def _may_give_up(self, lock: CallLock, is_starting: Callable[[str], bool]) -> bool:
        """Whether nobody is about to write the call that holds this lock."""
        if lock.incarnation == self._incarnations.own:
            return not is_starting(lock.call_id)
        return self._incarnations.is_lost(lock.incarnation)
