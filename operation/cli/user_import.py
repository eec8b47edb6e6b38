"""User import: puts the users of a file into the store, and leaves a notice for a running server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from argon2 import PasswordHasher

from models.passwords import Passwords
from models.stores import Stores
from models.times import utc_milliseconds
from models.user_documents import NewUser
from operation.cli.user_file import UserFile, UserLine, check_free
from settings import Settings

Progress = Callable[[int], object]
"""Told how many more users are done."""


async def add_users(
    stores: Stores, user_file: UserFile, settings: Settings, hashed: Progress, written: Progress
) -> range:
    """Create all users of the file, or none; their ids, in order. Raises UserFileError, Conflict, StoreUnavailable."""
    if not user_file.lines:
        return range(0)
    await check_free(user_file, stores.users)
    hashes = await _hash_passwords(user_file.lines, settings, hashed)
    users = [
        NewUser(line.username, password_hash, line.profile_image_url)
        for line, password_hash in zip(user_file.lines, hashes, strict=True)
    ]
    ids = await stores.users.create_many(users, utc_milliseconds(datetime.now(UTC)), written)
    await stores.notices.post("users_added", ids[0], ids[-1])
    return ids


async def _hash_passwords(lines: Sequence[UserLine], settings: Settings, hashed: Progress) -> list[str | None]:
    """The hash of each line's password, computed on all cores: no sign-in has to wait for it, as in the server."""
    if all(line.password is None for line in lines):
        return [None] * len(lines)
    passwords = Passwords(
        PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes),
        workers=os.cpu_count() or 1,
        waiting_limit=len(lines),
    )

    async def one(line: UserLine) -> str | None:
        if line.password is None:
            return None
        password_hash = await passwords.hash(line.password)
        hashed(1)
        return password_hash

    try:
        return await asyncio.gather(*(one(line) for line in lines))
    finally:
        passwords.close()
