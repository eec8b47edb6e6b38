"""Switchboard: calls start, end, and are dropped when a participant is gone for the lease."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from models.calls import Call, CallType, EndReason, ended
from models.errors import Conflict, Forbidden, Invalid, NotFound, StoreUnavailable
from realtime.calls.call_store import CallStore
from realtime.clock import Clock
from realtime.presence.engine import Presence
from realtime.timers import Timers

Spawn = Callable[[Coroutine[Any, Any, None]], None]
"""Run a coroutine in the background; whoever is given it sees to its end."""

Tell = Callable[[Call], None]
"""Tell a call's participants, behind all that was announced before."""


class Switchboard:
    """Who is in which call. `new_id` gives a text that never comes twice.

    Both users are taken in memory before the first await, so of two callers in this process exactly one goes on; the
    claims in the store say the same to other processes, and to this one after a crash.
    """

    def __init__(
        self,
        call_store: CallStore,
        presence: Presence,
        timers: Timers,
        clock: Clock,
        tell: Tell,
        spawn: Spawn,
        new_id: Callable[[], str],
        *,
        lease_seconds: float,
        settle_seconds: float,
    ) -> None:
        self._call_store = call_store
        self._presence = presence
        self._timers = timers
        self._clock = clock
        self._tell = tell
        self._spawn = spawn
        self._new_id = new_id
        self._lease_seconds = lease_seconds
        self._settle_seconds = settle_seconds
        self._ongoing: dict[str, Call] = {}
        self._taken: dict[int, str] = {}
        """The call that each user is in, or is about to be in."""
        self._starting: dict[str, asyncio.Future[Call]] = {}

    def __len__(self) -> int:
        return len(self._ongoing)

    async def recover(self) -> None:
        """At start: calls that were ongoing still are."""
        for call in await self._call_store.recover():
            self._take_up(call)
            for user_id in call.participants:
                self._presence.restore_call(user_id, call)

    def ongoing_of(self, user_id: int) -> Call | None:
        """The call the user is in."""
        return self._ongoing.get(self._taken.get(user_id, ""))

    async def start(self, caller_id: int, callee_id: int, call_type: CallType, key: str | None) -> Call:
        """Start a call; with the same idempotency key once more, the call of the first time.

        Raises Invalid, NotFound, Conflict, StoreUnavailable.
        """
        call_id = self._new_id() if key is None else _id_of_key(caller_id, key)
        if key is not None:
            known = await self._known(caller_id, call_id)
            if known is not None:
                return _same_request(known, callee_id, call_type)
        self._check(caller_id, callee_id)
        call = Call(call_id, caller_id, callee_id, call_type, "ongoing", self._clock.utc())
        self._taken |= dict.fromkeys(call.participants, call_id)
        future = self._starting[call_id] = asyncio.get_running_loop().create_future()
        try:
            await self._write(call)
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # read here, so that a start nobody waited for doesn't complain
            raise
        finally:
            del self._starting[call_id]
        self._begin(call)
        future.set_result(call)
        return call

    async def end(self, user_id: int, call_id: str, reason: EndReason) -> Call:
        """End a call as one of its participants; ending again answers the same. Raises NotFound, Forbidden."""
        call = self._ongoing.get(call_id) or await self._call_store.get(call_id)
        if call is None:
            raise NotFound("No such call")
        if user_id not in call.participants:
            raise Forbidden("NOT_A_PARTICIPANT", "Only a participant ends a call")
        return await self._end(call, reason, user_id)

    def ongoing(self) -> list[Call]:
        """Every ongoing call."""
        return list(self._ongoing.values())

    def find(self, call_id: str) -> Call | None:
        """An ongoing call."""
        return self._ongoing.get(call_id)

    async def force_end(self, call_id: str) -> None:
        """End a call as an operator, also one that only the store knows of, and give up what is left of it.

        Raises StoreUnavailable.
        """
        call = self._ongoing.get(call_id) or await self._call_store.get(call_id)
        if call is not None:
            await self._end(call, "dropped", None)
        await self._call_store.give_up(call_id)
        self._presence.give_up_call(call_id)

    def drop(self, user_id: int) -> None:
        """End the call that a user is in who may not be here any more."""
        call = self.ongoing_of(user_id)
        if call is not None:
            self._spawn(self._drop(call, user_id))

    def _check(self, caller_id: int, callee_id: int) -> None:
        if caller_id == callee_id:
            raise Invalid("A call needs two users")
        callee = self._presence.status(callee_id)
        if caller_id in self._taken:
            raise Conflict("ALREADY_IN_CALL", "You are in a call already")
        if not callee.is_online:
            raise Conflict("USER_OFFLINE", "This user is offline")
        if callee.is_busy or callee_id in self._taken:
            raise Conflict("USER_BUSY", "This user is busy")

    async def _known(self, caller_id: int, call_id: str) -> Call | None:
        stored = (
            None if call_id in self._starting else self._ongoing.get(call_id) or await self._call_store.get(call_id)
        )
        starting = self._starting.get(call_id)
        if starting is not None:  # perhaps only since the store was asked
            return await asyncio.shield(starting)
        stored = self._ongoing.get(call_id) or stored
        if stored is None and self._taken.get(caller_id) == call_id:
            raise StoreUnavailable("the first try of this call is not settled yet")
        if stored is not None and stored.status == "ongoing":
            self._begin_unsettled(stored)
        return stored

    async def _write(self, call: Call) -> None:
        """Write the call. What fails leaves both as they were, or is settled when nobody can tell."""
        try:
            in_another_call = await self._call_store.begin(call, self._starting.__contains__)
        except StoreUnavailable:
            self._settle_later(call)
            raise
        except BaseException:
            self._free(call)
            raise
        if in_another_call is not None:
            self._free(call)
            if in_another_call == call.caller_id:
                raise Conflict("ALREADY_IN_CALL", "You are in a call already")
            raise Conflict("USER_BUSY", "This user is busy")

    def _take_up(self, call: Call) -> None:
        self._ongoing[call.call_id] = call
        for user_id in call.participants:
            self._taken[user_id] = call.call_id
            self._await_lease(call, user_id, self._lease_seconds)

    def _begin_unsettled(self, call: Call) -> None:
        """Begin a call whose first reply was lost. One that isn't waited for any more has ended since it was read."""
        if call.call_id not in self._ongoing and self._taken.get(call.caller_id) == call.call_id:
            self._begin(call)

    def _begin(self, call: Call) -> None:
        self._take_up(call)
        self._presence.claim_call(call.call_id, call.participants)
        self._tell(call)

    async def _end(self, call: Call, reason: EndReason, by: int | None) -> Call:
        if call.status != "ongoing":
            return call
        try:
            finished = await self._call_store.end(ended(call, reason, self._clock.utc(), by))
        except StoreUnavailable:
            self._settle_later(call)
            raise
        self._finish(finished)
        return finished

    def _finish(self, finished: Call) -> None:
        """Both are free; they are told once, however many ended it."""
        was_ongoing = self._ongoing.pop(finished.call_id, None)
        self._free(finished)
        if was_ongoing is None:
            return
        self._presence.release_call(finished.call_id, finished.participants)
        self._tell(finished)

    def _free(self, call: Call) -> None:
        for user_id in call.participants:
            if self._taken.get(user_id) == call.call_id:
                del self._taken[user_id]
                self._timers.cancel(("lease", user_id))

    def _settle_later(self, call: Call) -> None:
        """The store failed in the middle: ask it until it says which way the call went. Until then both are taken."""
        when = self._clock.now() + self._settle_seconds
        self._timers.at(when, ("settle", call.call_id), lambda: self._spawn(self._settle(call)))

    async def _settle(self, call: Call) -> None:
        try:
            stored = await self._call_store.settle(call)
        except StoreUnavailable:
            self._settle_later(call)
            return
        if stored is not None and stored.status == "ongoing":
            self._begin_unsettled(stored)
        else:
            self._finish(stored or ended(call, "dropped", self._clock.utc(), None))

    def _await_lease(self, call: Call, user_id: int, seconds: float) -> None:
        action = partial(self._check_lease, call, user_id)
        self._timers.at(self._clock.now() + seconds, ("lease", user_id), action)

    def _check_lease(self, call: Call, user_id: int) -> None:
        """The lease runs from the last evidence, whatever its timer thought: no timer is set for each sign of life."""
        if call.call_id not in self._ongoing:
            return
        left = self._lease_seconds - self._presence.silent_for(user_id)
        if left > 0:
            self._await_lease(call, user_id, left)
        else:
            self._spawn(self._drop(call, user_id))

    async def _drop(self, call: Call, user_id: int) -> None:
        try:
            await self._end(call, "dropped", None)
        except StoreUnavailable:
            if call.call_id in self._ongoing:
                self._await_lease(call, user_id, self._settle_seconds)


def _id_of_key(caller_id: int, key: str) -> str:
    """The call's id from its idempotency key, so that the store's unique `_id` is what makes the key work once."""
    return hashlib.sha256(f"{caller_id}:{key}".encode()).hexdigest()[:32]


def _same_request(known: Call, callee_id: int, call_type: CallType) -> Call:
    if (known.callee_id, known.call_type) != (callee_id, call_type):
        raise Conflict("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another call")
    return known
