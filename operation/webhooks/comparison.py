"""Comparison: finds what was not told after a start, after a server has died, and after events were dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from models.calls import Calls
from models.users import Users
from models.webhook_batches import batch_id
from models.webhook_told import ToldCall, ToldNews, WebhookTold
from realtime.webhooks.differences import Differences
from realtime.webhooks.event import WebhookEvent

USERS_AT_ONCE = 1000
"""Users in one step. The loop does nothing else while they are compared."""

MARGIN = timedelta(minutes=10)
"""How far the clocks of servers may differ, and how far a clock may be set back, without a call going untold."""

KEPT = timedelta(days=1)
"""For how long it is kept what was told of a call that has ended. It must be longer than the margin."""

Put = Callable[[Sequence[WebhookEvent]], Awaitable[bool]]
"""Stores events for sending. False if there is no room, or this server does not send any more."""

Keep = Callable[[], Awaitable[bool]]
"""Keeps the lease. False if another server has it."""


class Comparison:
    """Compares users and calls with what was told of them, and has the differences sent."""

    def __init__(
        self, differences: Differences, told: WebhookTold, users: Users, calls: Calls, put: Put, keep: Keep
    ) -> None:
        self._differences = differences
        self._told = told
        self._users = users
        self._calls = calls
        self._put = put
        self._keep = keep

    async def run(self, complete_at: datetime) -> bool:
        """Compare. All that happened before `complete_at` was told. Returns whether it came to its end.

        Raises StoreUnavailable.
        """
        self._differences.begin()
        try:
            if not (await self._compare_users() and await self._compare_calls(complete_at - MARGIN)):
                return False
            await self._told.forget_calls(complete_at - KEPT)
            return True
        finally:
            self._differences.end()

    async def begin_from_now(self, utc: datetime) -> bool:
        """Note the state of everything as told: what happened before webhooks were switched on is not sent.

        Returns whether it came to its end. Raises StoreUnavailable.
        """
        self._differences.begin()
        try:
            after_id = 0
            while users := self._differences.baseline(after_id, USERS_AT_ONCE):
                await self._note(ToldNews(users, [], []))
                after_id = users[-1].user_id
                if not await self._keep():
                    return False
            calls = [ToldCall(each.call_id, False, each.started_at) for each in self._differences.ongoing()]
            async for page in self._calls.ended_since(utc - 2 * MARGIN):
                calls += [ToldCall(each.call_id, True, each.started_at) for each in page]
            await self._note(ToldNews([], calls, []))
            return True
        finally:
            self._differences.end()

    async def _note(self, news: ToldNews) -> None:
        await self._told.note(batch_id(0, 0), news)

    async def _compare_users(self) -> bool:
        after_id = 0
        while True:
            told = await self._told.users(after_id, USERS_AT_ONCE)
            up_to_id = told[-1].user_id if len(told) == USERS_AT_ONCE else None
            missing = self._differences.missing(told)
            deleted = [each for each in missing if await self._users.get(each.user_id) is None]
            if not await self._put(self._differences.of_users(told, after_id, up_to_id, deleted)):
                return False
            if up_to_id is None:
                return True
            after_id = up_to_id

    async def _compare_calls(self, since: datetime) -> bool:
        open_calls = await self._told.open_calls()
        over = [await self._calls.get(call_id) for call_id in self._differences.over(open_calls)]
        ended = [call for call in over if call is not None and call.status != "ongoing"]
        if not await self._put(
            self._differences.of_calls(
                [*ended, *self._differences.ongoing()], {each.call_id: each for each in open_calls}
            )
        ):
            return False
        async for page in self._calls.ended_since(since):
            told = await self._told.calls([call.call_id for call in page])
            if not await self._put(self._differences.of_calls(self._differences.unknown(page), told)):
                return False
        return True
