"""Elsewhere: the call that another server has started for the same idempotency key."""

from __future__ import annotations

import asyncio

from models.calls import Call
from models.errors import StoreUnavailable
from realtime.calls.call_store import CallStore
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock, Timers


class Elsewhere:
    """A request that is repeated on another server before it was answered gets the call of the first one, too."""

    def __init__(
        self, call_store: CallStore, ongoing: OngoingCalls, clock: Clock, timers: Timers, *, deadline_seconds: float
    ) -> None:
        self._call_store = call_store
        self._ongoing = ongoing
        self._clock = clock
        self._timers = timers
        self._deadline_seconds = deadline_seconds
        self._awaited: dict[str, asyncio.Future[Call]] = {}
        """The calls that are about to start on other servers, and that somebody waits for here."""

    async def find(self, call: Call) -> Call | None:
        """The call with the id of this one, which could not be started here.

        Raises StoreUnavailable, also if the call does not start in time.
        """
        lock = await self._call_store.lock_of(call.caller_id)
        if lock is not None and lock.call_id == call.call_id and call.call_id not in self._ongoing:
            return await self._arrival(call.call_id)
        return self._ongoing.find(call.call_id) or await self._call_store.get(call.call_id)

    def call_changed(self, call: Call) -> None:
        """A call started or ended, on this server or another."""
        future = self._awaited.pop(call.call_id, None)
        if future is not None:
            future.set_result(call)

    async def _arrival(self, call_id: str) -> Call:
        future: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
        self._awaited[call_id] = future
        key = ("elsewhere", call_id)
        when = self._clock.now() + self._deadline_seconds
        self._timers.at(when, key, lambda: self._give_up(call_id))
        try:
            return await future
        finally:
            self._timers.cancel(key)
            self._awaited.pop(call_id, None)

    def _give_up(self, call_id: str) -> None:
        error = StoreUnavailable("the outcome of the first attempt at this call is not known yet")
        self._awaited.pop(call_id).set_exception(error)
