"""Manual changes in the store, MongoDB or embedded: shown, repaired by the button, and gone for everyone."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.database import Database, open_database
from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.repairs import named, see_and_repair
from tests.dashboard.site import QUICK, Site, call
from tests.mongo import MongoServer, find_mongo
from tests.program import MakeProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]


@pytest.fixture(scope="module", params=["embedded", "mongodb"])
def site(request: pytest.FixtureRequest, io_loop: IOLoop, programs: MakeProgram, secrets_seen: SecretsSeen) -> Site:
    """A server with each store, because manual changes have different effects in each."""
    settings: dict[str, Any] = {**QUICK}
    if request.param == "mongodb":
        if not find_mongo().is_there:
            pytest.skip(find_mongo().reason)
        server: MongoServer = request.getfixturevalue("mongo_server")
        settings |= {"mongodb_url": server.url, "mongodb_database": server.fresh_database("rollcall")}
    made = Site(programs(**settings), secrets_seen)
    io_loop.run_sync(made.start)
    return made


@asynccontextmanager
async def by_hand(site: Site) -> AsyncIterator[Database]:
    """Open the store's collections from outside the server."""
    database = await open_database(site.program.settings)
    try:
        yield database
    finally:
        await database.close()


async def test_busy_set_in_the_store_by_hand_is_cleared(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("by hand"))

    async def write() -> None:
        async with by_hand(site) as store:
            await store.collection("users").update_one({"_id": ada.user_id}, {"$set": {"set_busy": True}})

    await see_and_repair(
        visit,
        f"busy_without_cause:{ada.user_id}",
        cause="Saved as busy, but shown as available",
        effect=f"Clears busy. {ada.username} stays available",
        repair="Clear busy",
        produce=write,
    )
    async with by_hand(site) as store:
        document = await store.collection("users").find_one({"_id": ada.user_id})
    assert document is not None
    assert document["set_busy"] is False


async def test_busy_until_a_moment_that_is_past_is_cleared(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("past"))
    until = datetime.now(UTC) - timedelta(hours=1)

    async def write() -> None:
        async with by_hand(site) as store:
            fields = {"set_busy": True, "busy_until": until}
            await store.collection("users").update_one({"_id": ada.user_id}, {"$set": fields})

    await see_and_repair(
        visit,
        f"busy_until_past:{ada.user_id}",
        cause=r"Set busy until .*\d\d:\d\d, which has passed",
        effect=f"Clears busy. {ada.username} stays available",
        repair="Clear busy",
        produce=write,
    )


async def test_a_call_that_only_the_store_knows_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online(*named("stray"))
    call_id = secrets.token_hex(12)

    async def write() -> None:
        async with by_hand(site) as store:
            await store.collection("calls").insert_one(ongoing(call_id, ada, bob))

    await see_and_repair(
        visit,
        f"busy_without_cause:{call_id}",
        cause="Saved as ongoing, but unknown to the server",
        effect="Ends the call",
        repair="End call",
        produce=write,
    )
    async with by_hand(site) as store:
        document = await store.collection("calls").find_one({"_id": call_id})
    assert document is not None
    assert document["status"] != "ongoing"


async def test_a_claim_of_a_call_that_is_not_ongoing_is_given_up(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online(*named("claimed"))
    call_id = secrets.token_hex(12)

    async def write() -> None:
        async with by_hand(site) as store:
            await store.collection("call_claims").insert_one({"_id": ada.user_id, "call_id": call_id})

    await see_and_repair(
        visit,
        f"busy_without_cause:{ada.user_id}",
        cause="Saved as busy because of a call that is not ongoing, but shown as available",
        effect="Removes the leftover busy mark",
        repair="End call",
        produce=write,
    )
    await call(ada, bob)  # the claim would have prevented this


async def test_of_two_calls_of_one_user_the_surplus_one_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, cem = await site.online(*named("twice"))
    real = await call(ada, bob)
    call_id = secrets.token_hex(12)

    async def write() -> None:
        async with by_hand(site) as store:
            await store.collection("calls").insert_one(ongoing(call_id, ada, cem))

    await see_and_repair(
        visit,
        f"two_calls:{ada.user_id}",
        cause=f"In 2 calls at once, with {bob.username} and with {cem.username}",
        effect=f"Ends the call with {cem.username}. {ada.username} stays in the other call",
        repair="End call",
        produce=write,
    )
    assert [each["call_id"] for each in (await ada.get("/calls/ongoing")).body["items"]] == [real]


def ongoing(call_id: str, caller: Person, callee: Person) -> dict[str, Any]:
    """Return the document of an ongoing call."""
    return {
        "_id": call_id,
        "caller_id": caller.user_id,
        "callee_id": callee.user_id,
        "call_type": "audio",
        "status": "ongoing",
        "started_at": datetime.now(UTC) - timedelta(seconds=10),
        "ended_at": None,
        "duration_seconds": None,
        "end_reason": None,
        "ended_by": None,
    }
