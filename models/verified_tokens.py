"""Verified tokens: what access tokens were found to state, so that the same token isn't verified for every request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

VERIFIED_LIMIT = 20_000
"""Tokens that are remembered, with some 500 bytes each. Of any more, the one added first is forgotten."""


class VerifiedTokens(Generic[T]):
    """What tokens state, by their hashes: no token stays in memory, and no lookup compares one byte by byte.

    A token states the same forever. Whether it has expired, or was revoked, is for the caller to ask each time.
    """

    def __init__(self, limit: int = VERIFIED_LIMIT) -> None:
        self._limit = limit
        self._stated: dict[bytes, T] = {}

    def __len__(self) -> int:
        return len(self._stated)

    def find(self, token: bytes) -> T | None:
        """What the token states, if it was added before and not forgotten."""
        return self._stated.get(hashlib.sha256(token).digest())

    def add(self, token: bytes, stated: T) -> None:
        """Remember what the token states."""
        if len(self._stated) >= self._limit:
            del self._stated[next(iter(self._stated))]
        self._stated[hashlib.sha256(token).digest()] = stated

    def forget(self, token: bytes) -> None:
        """Forget a token that has expired."""
        self._stated.pop(hashlib.sha256(token).digest(), None)

    def keep(self, is_kept: Callable[[T], bool]) -> None:
        """Forget all other tokens."""
        self._stated = {key: stated for key, stated in self._stated.items() if is_kept(stated)}

    def __iter__(self) -> Iterator[T]:
        return iter(self._stated.values())
