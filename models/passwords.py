"""Passwords: argon2id, off the loop, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from models.errors import Overloaded

T = TypeVar("T")


class Passwords:
    """Hashes and compares. Each hash holds its memory for some 20 ms, so `workers` of them bound both."""

    def __init__(self, hasher: PasswordHasher, *, workers: int, waiting_limit: int) -> None:
        self._hasher = hasher
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="password")
        self._limit = workers + waiting_limit
        self._under_way = 0
        # Compared with when there is no such user, so that the answer takes as long as for one there is.
        self._nobody = hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The argon2id hash, in its usual text form. Raises Overloaded when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of this hash. Without a hash: no, after the same time."""

        def compare() -> bool:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (Argon2Error, InvalidHashError):
                return False
            return stored is not None

        return await self._run(compare)

    def close(self) -> None:
        """Let the threads go."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._limit:
            raise Overloaded("Too many sign-ins at once, try again")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._under_way -= 1
