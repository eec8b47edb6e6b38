"""Tasks: they end, whatever becomes of a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from operation import tasks
from operation.tasks import end_tasks

pytestmark = pytest.mark.gen_test


async def _fail() -> None:
    raise RuntimeError


async def test_a_task_that_misses_a_cancellation_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    missed = 0

    async def miss_two() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1
                if missed > 2:
                    raise

    deaf = asyncio.create_task(miss_two())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_tasks([deaf])
    assert deaf.cancelled()


async def test_tasks_that_failed_or_had_ended_do_not_disturb_the_end_of_others() -> None:
    failed, going_on = asyncio.create_task(_fail()), asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    await end_tasks([failed, going_on])
    assert failed.done()
    assert going_on.cancelled()


async def test_there_may_be_no_tasks() -> None:
    await end_tasks([])
