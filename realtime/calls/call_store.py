"""Ledger: calls and their claims in the store, written so that a failure at any point can be mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from models.calls import Call, ended
from models.errors import Conflict
from realtime.clock import Clock


class StoredCalls(Protocol):
    """What of the store of calls is needed here; see models/calls.py."""

    async def claim(self, call_id: str, participants: tuple[int, int]) -> int | None: ...
    async def claimed_by(self, user_id: int) -> str | None: ...
    async def release(self, call_id: str, participants: tuple[int, int]) -> None: ...
    async def all_claims(self) -> list[tuple[int, str]]: ...
    async def insert(self, call: Call) -> bool: ...
    async def get(self, call_id: str) -> Call | None: ...
    async def end(self, ended: Call) -> Call | None: ...
    async def ongoing(self) -> list[Call]: ...


class CallStore:
    """Claims first, then the call; at the end the call first, then its claims.

    So an ongoing call always holds both its claims, and a claim without an ongoing call is a left-over. Every method
    may raise StoreUnavailable, and may have been carried out all the same.
    """

    def __init__(self, store: StoredCalls, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recover(self) -> list[Call]:
        """At start: the calls that go on. Left-over claims are given up, calls without their claims ended."""
        calls = {call.call_id: call for call in await self._store.ongoing()}
        held: dict[str, set[int]] = {}
        for user_id, call_id in await self._store.all_claims():
            if call_id in calls:
                held.setdefault(call_id, set()).add(user_id)
            else:
                await self._store.release(call_id, (user_id, user_id))
        whole = [call for call in calls.values() if held.get(call.call_id) == set(call.participants)]
        for call in calls.values():
            if call not in whole:
                await self.end(ended(call, "dropped", self._clock.utc(), None))
        return whole

    async def get(self, call_id: str) -> Call | None:
        """One call."""
        return await self._store.get(call_id)

    async def begin(self, call: Call, is_starting: Callable[[str], bool]) -> int | None:
        """Claim both users and write the call, or do nothing: then the answer is the user who is in another call.

        `is_starting` tells of a call that has its claims but is not written yet. Raises Conflict if the call is there.
        """
        claimed = await self._store.claim(call.call_id, call.participants)
        for _ in call.participants:  # either may have a claim that is stale
            if claimed is not None and await self._give_up_stale(claimed, is_starting):
                claimed = await self._store.claim(call.call_id, call.participants)
        if claimed is None and not await self._store.insert(call):
            await self._store.release(call.call_id, call.participants)
            raise Conflict("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another call")
        return claimed

    async def end(self, here: Call) -> Call:
        """End an ongoing call as `here`; what it is then, which is another end if somebody was first."""
        finished = await self._store.end(here) or await self._store.get(here.call_id) or here
        await self._store.release(here.call_id, here.participants)
        return finished

    async def give_up(self, call_id: str) -> None:
        """Give up the claims that a call holds which isn't ongoing any more."""
        for user_id, holder in await self._store.all_claims():
            if holder == call_id:
                await self._store.release(call_id, (user_id, user_id))

    async def settle(self, call: Call) -> Call | None:
        """What became of a call whose write failed. Its claims are given up unless it is ongoing."""
        stored = await self._store.get(call.call_id)
        if stored is None or stored.status != "ongoing":
            await self._store.release(call.call_id, call.participants)
        return stored

    async def _give_up_stale(self, user_id: int, is_starting: Callable[[str], bool]) -> bool:
        """Whether a claim in the store belonged to a call that isn't ongoing, and is gone now."""
        holder = await self._store.claimed_by(user_id)
        call = await self._store.get(holder) if holder else None
        if holder and (call is None or call.status != "ongoing") and not is_starting(holder):
            await self._store.release(holder, (user_id, user_id))
            return True
        return holder is None
