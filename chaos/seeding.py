"""Seeding: writes data into a store before its server starts, and reads from the store while the server runs."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher

from chaos.program import ServerProgram
from chaos.rest import LOCALHOST, Person
from models.database import Database, open_database
from models.operators import Role
from models.stores import Stores, open_stores
from models.tokens import Tokens
from models.user_documents import NewUser
from settings import Settings

TOKEN_SECONDS = 3600
INSERT_ROWS = 1000
DEADLINE_SECONDS = 60.0


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Database, Stores]]:
    """The store of a server, also while that runs. What is seeded may take longer than what a client asks for."""
    patient = dataclasses.replace(
        settings, store_deadline_seconds=DEADLINE_SECONDS, inspect_interval_seconds=2 * DEADLINE_SECONDS
    )
    database = await open_database(patient)
    try:
        yield database, await open_stores(database, settings)
    finally:
        await database.close()


async def seed_people(
    server: ServerProgram, count: int, *, password: str = "", image: str | None = None, source: str = LOCALHOST
) -> list[Person]:
    """Create that many users, each with a token, at one address. If a password is given, all of them share it."""
    now = datetime.now(UTC)
    label = secrets.token_hex(4)
    hash = _hash(password, server.settings) if password else None
    names = [f"{label}-{number}" for number in range(count)]
    async with opened(server.settings) as (_, stores):
        ids = await stores.users.create_many([NewUser(name, hash, image) for name in names], now)
    tokens = tokens_of(server.settings)
    return [
        Person(server.port, _token(tokens, user_id), source, [], user_id, name, password)
        for user_id, name in zip(ids, names, strict=True)
    ]


async def seed_operator(server: ServerProgram, name: str, password: str, role: Role) -> None:
    """Create one operator of the dashboard."""
    async with opened(server.settings) as (_, stores):
        await stores.operators.add(name, _hash(password, server.settings), role, datetime.now(UTC))


async def seed_calls(server: ServerProgram, caller: Person, others: Sequence[Person], count: int) -> None:
    """Create that many calls that ended an hour ago or earlier."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    async with opened(server.settings) as (database, _):
        calls = database.collection("calls")
        for start in range(0, count, INSERT_ROWS):
            numbers = range(start, min(start + INSERT_ROWS, count))
            await calls.insert_many([_ended_call(number, caller, others, began) for number in numbers])


async def change_user(server: ServerProgram, person: Person, fields: dict[str, Any]) -> None:
    """Write fields of a user's document, as an older version may have left them."""
    async with opened(server.settings) as (database, _):
        await database.collection("users").update_one({"_id": person.user_id}, {"$set": fields})


async def differences(server: ServerProgram, people: Sequence[Person]) -> int:
    """How many users have a different state in the store than the server reports."""
    wrong = 0
    async with opened(server.settings) as (_, stores):
        for person in people:
            status = (await person.get("/users/me/status")).body
            stored = await stores.users.get(person.user_id)
            call = await stores.calls.lock_of(person.user_id)
            assert stored is not None
            offline_at, heartbeat_at = stored.offline_set_at, stored.heartbeat_at
            is_offline = offline_at is not None and (heartbeat_at is None or offline_at >= heartbeat_at)
            wrong += not (
                stored.profile.username == status["username"]
                and (stored.set_busy or call is not None) == status["is_busy"]
                and (stored.online and not is_offline) == status["is_online"]
                and stored.last_seen >= datetime.fromisoformat(status["last_seen"]) - timedelta(seconds=1)
            )
    return wrong


def tokens_of(settings: Settings) -> Tokens:
    """Mints tokens that the server accepts."""
    return Tokens(
        settings.jwt_secret,
        settings.token_issuer,
        settings.token_audience,
        now=lambda: datetime.now(UTC).timestamp(),
        new_id=lambda: secrets.token_hex(12),
    )


def _token(tokens: Tokens, user_id: int) -> str:
    return tokens.mint(user_id, f"login-{user_id}", "access", TOKEN_SECONDS)[0]


def _hash(password: str, settings: Settings) -> str:
    return PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes).hash(password)


def _ended_call(number: int, caller: Person, others: Sequence[Person], began: datetime) -> dict[str, Any]:
    started = began - timedelta(seconds=60 * number)
    return {
        "_id": secrets.token_hex(12),
        "caller_id": caller.user_id,
        "callee_id": others[number % len(others)].user_id,
        "call_type": "audio" if number % 2 else "video",
        "status": "completed",
        "started_at": started,
        "ended_at": started + timedelta(seconds=30),
        "duration_seconds": 30,
        "end_reason": "completed",
        "ended_by": caller.user_id,
    }
