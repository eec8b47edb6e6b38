"""Switchboard: starts calls, ends them, and drops a call whose participant has been gone for the call lease."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial

from models.calls import Call, CallType, EndReason, ended
from models.errors import Conflict, Forbidden, Invalid, NotFound, StoreUnavailable
from realtime.calls.call_store import CallStore
from realtime.calls.elsewhere import Elsewhere
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Environment, Timers
from realtime.presence.engine import Presence
from realtime.presence.record import Record
from realtime.presence.user_entry import UserEntry
from settings import Settings


class Switchboard:
    """Starts and ends calls.

    Both users are reserved in memory before the first await, so of two callers in this process exactly one succeeds.
    The call locks in the store do the same across processes, and after a crash.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        call_store: CallStore,
        presence: Presence,
        timers: Timers,
        ongoing: OngoingCalls,
    ) -> None:
        self._call_store = call_store
        self._presence = presence
        self._timers = timers
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._new_id = environment.new_id
        self.lease_seconds = settings.call_lease_seconds
        """A call is dropped when a participant has been gone for this long."""
        self._settle_seconds = settings.store_deadline_seconds
        self.ongoing = ongoing
        self._starting: dict[str, asyncio.Future[Call]] = {}
        self._elsewhere = Elsewhere(
            call_store, ongoing, self._clock, timers, deadline_seconds=settings.store_deadline_seconds
        )

    async def recover(self) -> list[Call]:
        """Resume the calls that were ongoing when the last process ended, and return them."""
        calls = await self._call_store.recover()
        for call in calls:
            self.ongoing.add(call)
            self._await_leases(call)
        return calls

    async def start(self, caller_id: int, callee_id: int, call_type: CallType, key: str | None) -> Call:
        """Start a call. A second request with the same idempotency key returns the call of the first.

        Raises Invalid, NotFound, Conflict, StoreUnavailable.
        """
        self._presence.check()
        call_id = self._new_id() if key is None else _id_of_key(caller_id, key)
        if key is not None:
            known = await self._known(caller_id, call_id)
            if known is not None:
                return _same_request(known, callee_id, call_type)
        self._check(caller_id, callee_id)
        call = Call(call_id, caller_id, callee_id, call_type, "ongoing", self._clock.utc())
        self.ongoing.take(call)
        future = self._starting[call_id] = asyncio.get_running_loop().create_future()
        try:
            started = await self._begin(call, may_be_elsewhere=key is not None)
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # retrieved here, so that asyncio does not warn when nobody else waited
            raise
        finally:
            del self._starting[call_id]
        future.set_result(started)
        return _same_request(started, callee_id, call_type)

    async def end(self, user_id: int, call_id: str, reason: EndReason) -> Call:
        """End a call for one of its participants. Ending it again gives the same answer. Raises NotFound, Forbidden."""
        call = await self._known_call(call_id)
        if user_id not in call.participants:
            raise Forbidden("NOT_A_PARTICIPANT", "Only a participant ends a call")
        return await self._end(call, reason, user_id)

    async def end_for_app(self, call_id: str, reason: EndReason) -> Call:
        """End a call for the app's backend. Ending it again gives the same answer. Raises NotFound."""
        return await self._end(await self._known_call(call_id), reason, None)

    async def force_end(self, call_id: str) -> None:
        """End a call for an operator, even one that only the store knows, and release the locks it left behind.

        Raises StoreUnavailable.
        """
        call = self.ongoing.find(call_id) or await self._call_store.get(call_id)
        if call is not None:
            await self._end(call, "dropped", None)
        await self._call_store.give_up(call_id)
        await self._presence.give_up_call(call_id)

    async def resume(self, call: Call) -> Call:
        """Begin a call that is ongoing in the store, and may not be so in the log. Returns it as it is after that.

        Raises StoreUnavailable.
        """
        await self._presence.change_call(call, "call_started")
        stored = await self._call_store.get(call.call_id)
        if stored is None or stored.status == "ongoing":
            return call
        await self.finish(stored)  # it has ended meanwhile
        return stored

    async def finish(self, finished: Call) -> None:
        """Free both participants of a call that is over in the store and tell them, once however often it is ended."""
        is_known = finished.call_id in self.ongoing
        if not is_known and self.ongoing.call_id_of(finished.caller_id) == finished.call_id:
            self._free(finished)
        else:
            await self._presence.change_call(finished, "call_ended", is_known=is_known)

    def call_changed(self, call: Call, _is_own: bool) -> None:
        """A call, on this server or another, started or ended: from now on it has leases, or none any more."""
        self._elsewhere.call_changed(call)
        if call.status == "ongoing":
            self._await_leases(call)
        else:
            self._forget_leases(call)

    def drop(self, user_id: int) -> None:
        """End the ongoing call of a user who was disabled."""
        self._spawn(self.release(user_id))

    async def release(self, user_id: int) -> None:
        """End the ongoing call of a user who was disabled or deleted. While the store is down, it is tried again."""
        call = self.ongoing.of_user(user_id)
        if call is not None:
            await self._drop(call, user_id)

    def user_removed(self, entry: UserEntry, _before: Record, is_own: bool) -> None:
        """A user was deleted. Another server ends the call if the one that deleted the user does not."""
        user_id = entry.profile.user_id
        call = self.ongoing.of_user(user_id)
        if call is not None:
            self._await_lease(call, user_id, 0.0 if is_own else self._settle_seconds)

    async def _known_call(self, call_id: str) -> Call:
        call = self.ongoing.find(call_id) or await self._call_store.get(call_id)
        if call is None:
            raise NotFound("No such call")
        return call

    def _check(self, caller_id: int, callee_id: int) -> None:
        if caller_id == callee_id:
            raise Invalid("A call needs two users")
        self._presence.registry.get(caller_id)
        callee = self._presence.status(callee_id)
        if self.ongoing.call_id_of(caller_id) is not None:
            raise Conflict("ALREADY_IN_CALL", "You are in a call already")
        if not callee.is_online:
            raise Conflict("USER_OFFLINE", "This user is offline")
        if callee.is_busy or self.ongoing.call_id_of(callee_id) is not None:
            raise Conflict("USER_BUSY", "This user is busy")

    async def _known(self, caller_id: int, call_id: str) -> Call | None:
        stored = (
            None if call_id in self._starting else self.ongoing.find(call_id) or await self._call_store.get(call_id)
        )
        starting = self._starting.get(call_id)
        if starting is not None:  # it may have begun while the store was asked
            return await asyncio.shield(starting)
        stored = self.ongoing.find(call_id) or stored
        if stored is None and self.ongoing.call_id_of(caller_id) == call_id:
            raise StoreUnavailable("the outcome of the first attempt at this call is not known yet")
        if stored is not None and stored.status == "ongoing" and call_id not in self.ongoing:
            return await self.resume(stored)
        return stored

    async def _begin(self, call: Call, *, may_be_elsewhere: bool) -> Call:
        """Write the call and announce it. Returns the one that another server has started with the same id, if any."""
        try:
            await self._write(call)
        except Conflict:
            elsewhere = await self._elsewhere.find(call) if may_be_elsewhere else None
            if elsewhere is None:
                raise
            return elsewhere
        await self._presence.change_call(call, "call_started")
        return call

    async def _write(self, call: Call) -> None:
        """Write the call. On failure both users are free again, or the call is settled later if its fate is unknown."""
        try:
            in_another_call = await self._call_store.begin(call, self._starting.__contains__)
        except StoreUnavailable:
            self._settle_later(call)
            raise
        except BaseException:
            self._give_back(call)
            raise
        if in_another_call is not None:
            self._give_back(call)
            if in_another_call == call.caller_id:
                raise Conflict("ALREADY_IN_CALL", "You are in a call already")
            raise Conflict("USER_BUSY", "This user is busy")

    def _give_back(self, call: Call) -> None:
        """Free both users of a call that did not start here, unless another server has started it meanwhile."""
        if call.call_id not in self.ongoing:
            self._free(call)

    async def _begin_unsettled(self, call: Call) -> None:
        """Begin a call that was written although its reply was lost, unless it has ended since it was read."""
        if call.call_id not in self.ongoing and self.ongoing.call_id_of(call.caller_id) == call.call_id:
            await self._presence.change_call(call, "call_started")

    async def _end(self, call: Call, reason: EndReason, by: int | None) -> Call:
        if call.status != "ongoing":
            return call
        self._presence.check()
        try:
            finished = await self._call_store.end(ended(call, reason, self._clock.utc(), by))
        except StoreUnavailable:
            self._settle_later(call)
            raise
        await self.finish(finished)
        return finished

    def _free(self, call: Call) -> None:
        self.ongoing.free(call)
        self._forget_leases(call)

    def _forget_leases(self, call: Call) -> None:
        for user_id in call.participants:
            self._timers.cancel(("lease", user_id, call.call_id))

    def _settle_later(self, call: Call) -> None:
        """The store failed midway. Ask it again until it tells what became of the call; both users stay reserved."""
        when = self._clock.now() + self._settle_seconds
        self._timers.at(when, ("settle", call.call_id), lambda: self._spawn(self._settle(call)))

    async def _settle(self, call: Call) -> None:
        try:
            stored = await self._call_store.settle(call)
            if stored is not None and stored.status == "ongoing":
                await self._begin_unsettled(stored)
            else:
                await self.finish(stored or ended(call, "dropped", self._clock.utc(), None))
        except StoreUnavailable:
            self._settle_later(call)

    def _await_leases(self, call: Call) -> None:
        for user_id in call.participants:
            is_deleted = user_id in self._presence.registry.deleted
            self._await_lease(call, user_id, 0.0 if is_deleted else self.lease_seconds)

    def _await_lease(self, call: Call, user_id: int, seconds: float) -> None:
        action = partial(self._check_lease, call, user_id)
        self._timers.at(self._clock.now() + seconds, ("lease", user_id, call.call_id), action)

    def _check_lease(self, call: Call, user_id: int) -> None:
        """The lease counts from the last sign of life. The timer is only moved when it fires, not with every sign."""
        if call.call_id not in self.ongoing:
            return
        entry = self._presence.registry.find(user_id)
        left = 0.0 if entry is None else self.lease_seconds - entry.silent_for(self._clock.now())
        if left > 0:
            self._await_lease(call, user_id, left)
        else:
            self._spawn(self._drop(call, user_id))

    async def _drop(self, call: Call, user_id: int) -> None:
        try:
            await self._end(call, "dropped", None)
        except StoreUnavailable:
            if call.call_id in self.ongoing:
                self._await_lease(call, user_id, self._settle_seconds)


def _id_of_key(caller_id: int, key: str) -> str:
    """The call's id, derived from the idempotency key, so that the store's unique `_id` makes each key work once."""
    return hashlib.sha256(f"{caller_id}:{key}".encode()).hexdigest()[:32]


def _same_request(known: Call, callee_id: int, call_type: CallType) -> Call:
    if (known.callee_id, known.call_type) != (callee_id, call_type):
        raise Conflict("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another call")
    return known
