"""Passwords: argon2id hashes, computed on a few threads that all clients share fairly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from models.fair_queue import FairQueue

T = TypeVar("T")


class Passwords:
    """Hashes and compares passwords. Each hash takes about 20 ms and its own memory; `workers` limits both."""

    def __init__(self, hasher: PasswordHasher, *, workers: int, waiting_limit: int) -> None:
        self._hasher = hasher
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="password")
        self._queue = FairQueue(workers, waiting_limit, "Too many sign-ins at once. Try again.")
        # Used for unknown names, so that the answer takes as long as for a known name.
        self._nobody = hasher.hash("nobody has this password")

    async def hash(self, password: str, key: str = "") -> str:
        """The argon2id hash in its usual text form. Raises Overloaded if too many passwords are waiting.

        `key` says for which client: the key of its address.
        """
        return await self._run(lambda: self._hasher.hash(password), key)

    async def matches(self, password: str, stored: str | None, key: str = "") -> bool:
        """Whether the password matches the hash. Without a hash, False after the same time. Raises Overloaded."""

        def compare() -> bool:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (Argon2Error, InvalidHashError):
                return False
            return stored is not None

        return await self._run(compare, key)

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T], key: str) -> T:
        await self._queue.enter(key)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._queue.leave()
