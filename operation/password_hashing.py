"""Password hashing for programs other than the running server, such as the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher

from models.passwords import Passwords
from settings import Settings


@contextmanager
def opened_passwords(settings: Settings) -> Iterator[Passwords]:
    """What hashes passwords one after another, on a thread of its own."""
    hasher = PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes)
    passwords = Passwords(hasher, workers=1, waiting_limit=1)
    try:
        yield passwords
    finally:
        passwords.close()
