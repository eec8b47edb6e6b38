"""MongoDB crashes or hangs while two hundred sockets are open, and comes back."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from chaos.crowd import answers, enter, enter_all
from tests.clients import Answer, Person
from tests.mongo import MongoServer
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

# Each test asks for MongoDB before it asks for servers, so that these end first.

SOCKETS = 200
WRITES = 40


@pytest.mark.parametrize("way", ["killed", "hanging"])
async def test_sockets_outlive_mongodb_and_all_is_well_again_when_it_is_back(
    killable_mongo_server: MongoServer, program: MakeProgram, way: str
) -> None:
    mongo = killable_mongo_server
    server = program(mongodb_url=mongo.url, mongodb_database=mongo.fresh_database("outage"), store_deadline_seconds=1.0)
    *people, watching = await server.populate(SOCKETS + 1)
    await server.start()
    crowd = await enter_all(server.port, people)
    operator_session = await enter(server.port, watching, watches=True)
    await until(lambda: is_saved(server))
    lines, began = len(server.events()), time.monotonic()

    await asyncio.to_thread(mongo.kill if way == "killed" else mongo.pause)
    refused = await write_all(people[:WRITES])
    beaten = await people[-1].post("/users/me/heartbeat")
    assert beaten.status == 200
    for _ in range(5):
        refused += await write_all(people[:5])
        assert await answers(operator_session)
    assert all(await asyncio.gather(*(answers(member) for member in crowd[:20])))
    assert (await server.api.get("/readyz")).status == 503

    assert {answer.status for answer in refused} == {503}
    assert {answer.headers.get("Retry-After") for answer in refused} == {"1"}
    assert len(server.events()) - lines <= 1 + time.monotonic() - began
    assert all(member.is_open for member in crowd)

    await asyncio.to_thread(mongo.start if way == "killed" else mongo.resume)
    await until(lambda: is_saved(server), seconds=60)
    for person in people[:WRITES]:
        assert (await person.put("/users/me/status", {"is_busy": True})).status == 200
    assert all(member.is_open for member in [*crowd, operator_session])
    await until(lambda: is_saved(server))
    await check_store_equals_memory(server, people, beaten.body)


async def test_a_write_that_was_refused_in_the_outage_is_the_same_in_memory_and_store_afterwards(
    killable_mongo_server: MongoServer, program: MakeProgram
) -> None:
    mongo = killable_mongo_server
    server = program(mongodb_url=mongo.url, mongodb_database=mongo.fresh_database("outage"), store_deadline_seconds=1.0)
    people = await server.populate(6)
    await server.start()
    await asyncio.gather(*(person.post("/users/me/heartbeat") for person in people))
    await until(lambda: is_saved(server))

    # A paused MongoDB still receives the writes, and carries them out when it resumes.
    await asyncio.to_thread(mongo.pause)
    changes: list[dict[str, Any]] = [{"is_busy": True}, {"is_online": False}, {"is_online": True}] * 2
    refused = await asyncio.gather(
        *(person.put("/users/me/status", change) for person, change in zip(people, changes, strict=True))
    )
    assert {answer.status for answer in refused} == {503}
    await asyncio.to_thread(mongo.resume)

    await until(lambda: is_ready(server))
    await until(lambda: is_saved(server))
    await check_store_equals_memory(server, people)
    statuses = [(await person.get("/users/me/status")).body for person in people]
    server.kill()
    await server.start()
    after = [(await person.get("/users/me/status")).body for person in people]
    assert after == statuses


async def write_all(people: list[Person]) -> list[Answer]:
    """Send a write of each user at once. Returns the responses."""
    return await asyncio.gather(*(person.put("/users/me/status", {"is_busy": True}) for person in people))


async def is_ready(server: ServerProgram) -> bool:
    return (await server.api.get("/readyz")).status == 200


async def is_saved(server: ServerProgram) -> bool:
    return await server.metric("rollcall_unsaved_users") == 0


async def check_store_equals_memory(
    server: ServerProgram, people: list[Person], beaten: dict[str, Any] | None = None
) -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(server.settings.mongodb_url, tz_aware=True)
    try:
        users = client[server.settings.mongodb_database]["users"]
        for person in people:
            status = (await person.get("/users/me/status")).body
            stored = await users.find_one({"_id": person.user_id})
            assert stored is not None
            offline = stored["offline_set_at"]
            is_offline = offline is not None and (stored["heartbeat_at"] is None or offline >= stored["heartbeat_at"])
            assert stored["set_busy"] == status["is_busy"]
            assert (stored["online"] and not is_offline) == status["is_online"]
            assert stored["last_seen"] >= datetime.fromisoformat(status["last_seen"])
        if beaten is not None:
            stored = await users.find_one({"_id": beaten["user_id"]})
            assert stored is not None
            assert stored["heartbeat_at"] == datetime.fromisoformat(beaten["last_seen"])
    finally:
        client.close()
