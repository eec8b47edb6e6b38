"""User locks: what is done to one user happens in the order of the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager


class UserLocks:
    """A lock for each user who is being written, so that changes to one user happen in the order of the requests."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def is_held(self, user_id: int) -> bool:
        """Whether the user is being written."""
        return user_id in self._locks

    @asynccontextmanager
    async def of(self, user_id: int) -> AsyncGenerator[None]:
        """Hold the user's lock."""
        lock, waiting = self._locks.get(user_id, (asyncio.Lock(), 0))
        self._locks[user_id] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[user_id]
            if waiting == 1:
                del self._locks[user_id]
            else:
                self._locks[user_id] = lock, waiting - 1

    @asynccontextmanager
    async def of_all(self, user_ids: Iterable[int]) -> AsyncGenerator[None]:
        """Hold the locks of several users."""
        async with AsyncExitStack() as stack:
            for user_id in sorted(set(user_ids)):  # in one order, so that no two wait for each other
                await stack.enter_async_context(self.of(user_id))
            yield
