"""Key ring: the service keys, in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from models.errors import StoreUnavailable, Unauthenticated
from models.service_keys import ServiceKey, hash_of, is_key
from realtime.clock import Environment
from realtime.ratelimit import TokenBucket
from settings import Settings

LOOKUP_BURST = 20
LOOKUPS_PER_SECOND = 2.0
"""How often the store is asked for keys that are not known here, so that made-up ones cost it little."""


class KeyStore(Protocol):
    """The part of the store of keys that is needed here."""

    async def all(self) -> list[ServiceKey]: ...
    async def note_use(self, key_id: str, at: datetime, /) -> None: ...


class KeyRing:
    """Tells whose a key is, from memory alone. Only a key that is not known here is looked up in the store."""

    def __init__(self, settings: Settings, environment: Environment, keys: KeyStore) -> None:
        self._use_interval_seconds = settings.key_use_interval_seconds
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._keys = keys
        self._by_hash: dict[str, ServiceKey] = {}
        self._by_id: dict[str, ServiceKey] = {}
        self._used_at: dict[str, float] = {}
        """The steady time at which the use of each key was last noted."""
        self._lookups = TokenBucket(LOOKUP_BURST, LOOKUPS_PER_SECOND, self._clock.now())
        self._lookup = asyncio.Lock()
        self.on_revoked: Callable[[str], None] = _ignore
        """Called with the id of a key that was revoked."""

    async def load(self) -> None:
        """Read all keys from the store. Raises StoreUnavailable."""
        keys = await self._keys.all()
        before = [key for key in self._by_id.values() if key.revoked_at is None]
        self._by_hash = {key.key_hash: key for key in keys}
        self._by_id = {key.key_id: key for key in keys}
        for key in before:
            if self.is_revoked(key):
                self.on_revoked(key.key_id)

    def find(self, text: str) -> ServiceKey:
        """The key with this text. Raises Unauthenticated."""
        key = self._by_hash.get(hash_of(text)) if is_key(text) else None
        if key is None:
            raise Unauthenticated("Invalid service key")
        if self.is_revoked(key):
            raise Unauthenticated("This service key was revoked")
        self.note_use(key)
        return key

    async def find_anywhere(self, text: str) -> ServiceKey:
        """The key with this text, even if it was added a moment ago. Raises Unauthenticated, StoreUnavailable.

        Only a text with the right checksum is looked up in the store, and not too often.
        """
        if is_key(text) and hash_of(text) not in self._by_hash:
            async with self._lookup:
                if hash_of(text) not in self._by_hash and self._lookups.take(self._clock.now()):
                    await self.load()
        return self.find(text)

    def is_revoked(self, key: ServiceKey) -> bool:
        """Whether the key was revoked since it was found."""
        known = self._by_id.get(key.key_id)
        return known is None or known.revoked_at is not None

    def note_use(self, key: ServiceKey) -> None:
        """Note in the store that a key is in use, once in a while. Nobody waits for it."""
        now = self._clock.now()
        if now - self._used_at.get(key.key_id, now - self._use_interval_seconds) >= self._use_interval_seconds:
            self._used_at[key.key_id] = now
            self._spawn(self._save_use(key.key_id))

    async def _save_use(self, key_id: str) -> None:
        with contextlib.suppress(StoreUnavailable):  # a later use is noted
            await self._keys.note_use(key_id, self._clock.utc())


def _ignore(_key_id: str) -> None:
    """Nobody has a socket yet."""
