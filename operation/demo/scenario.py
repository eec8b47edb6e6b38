"""Scenario: what the made-up users of the demo do, and when."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from models.calls import Call
from models.status import Status
from operation.demo.simulated_user import REQUEST_ERRORS, SimulatedUser

OPENING_PLAYERS = 24
"""How many users come at once, so that there is something to see."""

OPENING_CALLS = 3
OPENING_PAUSE_SECONDS = 0.12

PAUSE_SECONDS = (0.3, 1.4)
"""Time between two actions: at most six visible changes a second, mostly one or two."""

CALL_SECONDS = (20.0, 150.0)
BUSY_SECONDS = (30.0, 120.0)
REST_SECONDS = 30.0
"""How long a user rests after an action. Without it, every user would look like a broken app to operators."""

HEARTBEAT_SECONDS = 30.0
CALLS_LIMIT = 6
FLAPS = 5
FLAP_PAUSE_SECONDS = 0.4

Act = Callable[[], Awaitable[None]]


class Scenario:
    """Reads everyone's status, as any client may, and then lets some user act."""

    def __init__(self, users: Sequence[SimulatedUser], dice: random.Random, clock: Callable[[], float]) -> None:
        self._users = {user.user_id: user for user in users}
        self._dice = dice
        self._clock = clock
        self._calls: dict[str, tuple[Call, float]] = {}
        """Ongoing calls, and the time at which the caller hangs up."""
        self._next_beat = 0.0
        self._rests_until: dict[int, float] = {}

    async def begin(self) -> None:
        """End the calls of an earlier run, then let the first users come; those who are still online come first."""
        for user in self._users.values():
            for call in await user.ongoing():
                await user.hang_up(call.call_id)
        statuses = await self._statuses()
        self._dice.shuffle(statuses)
        statuses.sort(key=lambda status: not status.is_online)
        first = [status.user_id for status in statuses[:OPENING_PLAYERS]]
        for user_id in first:
            await self._users[user_id].come()
            await asyncio.sleep(OPENING_PAUSE_SECONDS)
        for caller_id, callee_id in zip(first[:OPENING_CALLS], first[OPENING_CALLS : 2 * OPENING_CALLS], strict=True):
            with contextlib.suppress(*REQUEST_ERRORS):  # one of them may still be busy from an earlier run
                await self._start_call(caller_id, callee_id)

    async def go_on(self) -> None:
        """One action after another, without end. One that is refused, as a status changed meanwhile, is skipped."""
        while True:
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))
            try:
                await self._beat()
                if not await self._hang_up_due():
                    await self._act(await self._statuses())
            except REQUEST_ERRORS:
                continue

    async def end(self) -> None:
        """Hang up all calls and close all sockets."""
        for call, _ in self._calls.values():
            with contextlib.suppress(*REQUEST_ERRORS):
                await self._users[call.caller_id].hang_up(call.call_id)
        for user in self._users.values():
            user.leave()

    async def _statuses(self) -> list[Status]:
        ids = list(self._users)
        return await self._users[ids[0]].statuses_of(ids)

    async def _beat(self) -> None:
        if self._clock() >= self._next_beat:
            self._next_beat = self._clock() + HEARTBEAT_SECONDS
            for user in self._users.values():
                if user.beats:
                    await user.heartbeat()

    async def _hang_up_due(self) -> bool:
        for call, until in self._calls.values():
            if until <= self._clock():
                del self._calls[call.call_id]
                self._rest(*call.participants)
                await self._users[call.caller_id].hang_up(call.call_id)
                return True
        return False

    async def _act(self, statuses: Sequence[Status]) -> None:
        """Choose an action at random, weighted by how many users could do it."""
        statuses = [each for each in statuses if self._rests_until.get(each.user_id, 0.0) <= self._clock()]
        offline = [each.user_id for each in statuses if not each.is_online]
        free = [each.user_id for each in statuses if each.is_available]
        in_call = {user_id for call, _ in self._calls.values() for user_id in call.participants}
        busy = [each.user_id for each in statuses if each.is_online and each.is_busy and each.busy_until is None]
        busy = [user_id for user_id in busy if user_id not in in_call]
        acts: list[tuple[float, Act]] = [
            (1.0 * len(offline), lambda: self._one_of(offline).come()),
            (0.4 * len(free), lambda: self._one_of(free).go()),
            (0.3 * len(free), lambda: self._turn_busy(self._one_of(free))),
            (1.0 * len(busy), lambda: self._one_of(busy).set_status(is_busy=False)),
            (0.4 * len(free) * (len(free) > 1 and len(self._calls) < CALLS_LIMIT), lambda: self._call(free)),
        ]
        acts += [
            (0.02 * len(free), lambda: self._flap(self._one_of(free))),
            (0.1 * len(in_call), lambda: self._one_of(list(in_call)).set_status(is_online=False)),
        ]
        if any(weight for weight, _ in acts):
            await self._dice.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    async def _turn_busy(self, user: SimulatedUser) -> None:
        until = datetime.now(UTC) + timedelta(seconds=self._dice.uniform(*BUSY_SECONDS))
        if self._dice.random() < 0.5:
            await user.set_status(is_busy=True, busy_until=until)
        else:
            await user.set_status(is_busy=True)

    async def _flap(self, user: SimulatedUser) -> None:
        """Act like a broken app, so that operators have something to see."""
        for _ in range(FLAPS):
            await user.set_status(is_busy=True)
            await asyncio.sleep(FLAP_PAUSE_SECONDS)
            await user.set_status(is_busy=False)
            await asyncio.sleep(FLAP_PAUSE_SECONDS)

    async def _call(self, free: Sequence[int]) -> None:
        await self._start_call(*self._dice.sample(free, 2))

    async def _start_call(self, caller_id: int, callee_id: int) -> None:
        call = await self._users[caller_id].call(callee_id, self._dice.choice(["audio", "video"]))
        self._calls[call.call_id] = call, self._clock() + self._dice.uniform(*CALL_SECONDS)
        self._rest(*call.participants)

    def _one_of(self, user_ids: Sequence[int]) -> SimulatedUser:
        user_id = self._dice.choice(user_ids)
        self._rest(user_id)
        return self._users[user_id]

    def _rest(self, *user_ids: int) -> None:
        self._rests_until |= dict.fromkeys(user_ids, self._clock() + REST_SECONDS)
