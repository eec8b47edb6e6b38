"""Tasks: ends what runs beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 1.0
"""A task that has not ended after this time is cancelled again."""


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until all of them have ended. How they ended does not matter.

    Libraries may lose a cancellation. `asyncio.wait_for` does, before Python 3.12, if what it waits for is done at the
    same moment. Such a task would go on forever, and so would the end of the server.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
        await asyncio.gather(*ended, return_exceptions=True)
