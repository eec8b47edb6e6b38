"""Service keys: what an app's own backend calls the server with; the store over the collection `service_keys`.

A document has `_id` (8 letters), `name` (unique), `scope`, `key_hash`, `created_at`, `last_used_at` and `revoked_at`.
Keys are never deleted, because the audit names them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from datetime import datetime
from typing import Literal

import msgspec
from pymongo.errors import DuplicateKeyError

from models.collection import Document
from models.documents import readable, value_of
from models.errors import Conflict
from models.guard import GuardedCollection

Scope = Literal["read", "write", "admin"]

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
"""Each scope may do what the scopes before it may. They read, act for users, and manage users, in this order."""

PREFIX = "rk_"
"""Begins every key, so that scanners and people recognise one."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 43
"""Digits in base 62 that have 256 bits."""

_CHECKSUM_LENGTH = 6
"""Digits in base 62 that have 32 bits."""

_KEY = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")
_ID_LENGTH = 8


class ServiceKey(msgspec.Struct, frozen=True):
    """One key, without the key itself."""

    key_id: str
    name: str
    scope: Scope
    key_hash: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def actor(self) -> str:
        """How the audit and events call it."""
        return f"key:{self.name}"

    def may(self, wanted: Scope) -> bool:
        """Whether the key has a scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(wanted)


class ServiceKeys:
    """All keys."""

    def __init__(self, service_keys: GuardedCollection) -> None:
        self._keys = service_keys

    async def ensure_indexes(self) -> None:
        """Names are unique, also among revoked keys: the audit knows keys by their names."""
        await self._keys.create_index([("name", 1)], unique=True)

    async def add(self, name: str, scope: Scope, created_at: datetime) -> tuple[ServiceKey, str]:
        """Add a key. Returns it, and its text, which is kept nowhere. Raises Conflict if the name is taken."""
        text = new_key()
        document = {
            "_id": "".join(secrets.choice(string.ascii_lowercase) for _ in range(_ID_LENGTH)),
            "name": name,
            "scope": scope,
            "key_hash": hash_of(text),
            "created_at": created_at,
            "last_used_at": None,
            "revoked_at": None,
        }
        try:
            await self._keys.insert_one(document)
        except DuplicateKeyError:
            raise Conflict("USERNAME_TAKEN", f"There is already a key named {name}. Choose another name.") from None
        return self._key(document), text

    async def all(self) -> list[ServiceKey]:
        """All keys, the oldest first."""
        found = readable(self._keys, await self._keys.find({}), self._key)
        return sorted(found, key=lambda key: (key.created_at, key.key_id))

    async def revoke(self, name: str, at: datetime) -> ServiceKey | None:
        """Revoke a key for good, unless it is revoked already. None if there is no such key."""
        await self._keys.update_one({"name": name, "revoked_at": None}, {"$set": {"revoked_at": at}})
        document = await self._keys.find_one({"name": name})
        return self._key(document) if document else None

    async def note_use(self, key_id: str, at: datetime) -> None:
        """Note when a key was used."""
        await self._keys.update_one({"_id": key_id}, {"$set": {"last_used_at": at}})

    def _key(self, row: Document) -> ServiceKey:
        return value_of(self._keys, {**row, "key_id": row["_id"]}, ServiceKey)


def new_key() -> str:
    """A new key: 256 random bits, and a checksum by which a scanner knows a key from any other text."""
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return PREFIX + digits + _checksum(digits)


def is_key(text: str) -> bool:
    """Whether the text has the form of a key, with the right checksum."""
    if not _KEY.fullmatch(text):
        return False
    digits = text.removeprefix(PREFIX)
    return _checksum(digits[:_RANDOM_LENGTH]) == digits[_RANDOM_LENGTH:]


def hash_of(text: str) -> str:
    """What is stored of a key. Nobody can guess 256 random bits, so a hash that is slow to compute is not needed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(digits: str) -> str:
    """The CRC-32 of the random digits, in base 62."""
    number, text = zlib.crc32(digits.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text
