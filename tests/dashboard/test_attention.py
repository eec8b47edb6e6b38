"""What needs attention, each produced for real: shown with its cause, repaired by its button, gone for everybody."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import expect
from tornado.ioloop import IOLoop

from models.database import Database, open_database
from tests.clients import Person, RawSocket
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import QUICK, Site, call
from tests.mongo import MongoServer, find_mongo
from tests.program import MakeProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

SHOWN_SECONDS = 5.0
"""How long a contradiction may go unseen."""

REPAIRED_SECONDS = 5.0

SETTINGS = {
    "ping_interval_seconds": 3.0,
    "pong_timeout_seconds": 2.9,
    "silent_socket_seconds": 3.5,
    "long_call_seconds": 4.0,
}
"""A silent socket is to be seen before it is closed, which is after 5.9 s."""

CLIENT = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1]) as socket:
    print("open", flush=True)
    for _ in socket:
        pass
"""
"""A program of its own that holds a socket, until it is killed."""


@pytest.fixture(scope="module", params=["embedded", "mongodb"])
def site(request: pytest.FixtureRequest, io_loop: IOLoop, programs: MakeProgram, secrets_seen: SecretsSeen) -> Site:
    """A server over each store: what a hand leaves in the store is another matter in each."""
    settings: dict[str, Any] = {**QUICK, **SETTINGS}
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
    """The store's collections, opened by somebody else than the server."""
    database = await open_database(site.program.settings)
    try:
        yield database
    finally:
        await database.close()


async def seen_and_repaired(
    visit: Visit, key: str, *, cause: str, effect: str, repair: str, produce: Callable[[], Awaitable[float]]
) -> None:
    """Two operators look on. `produce` makes it wrong, and answers since when it is."""
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    since = await produce()
    wrong = one.wrong(key)
    await expect(wrong.locator("[data-f=because]")).to_have_text(re.compile(cause))
    await expect(other.wrong(key)).to_be_visible()
    shown_after = time.monotonic() - since
    assert shown_after < SHOWN_SECONDS, f"shown after {shown_after:.1f} s"
    await expect(wrong.locator("[data-f=effect]")).to_have_text(re.compile(effect))

    await wrong.get_by_role("button", name=repair).click()
    await one.confirm("it looked stuck")
    repaired = time.monotonic()
    await expect(other.wrong(key)).to_have_count(0)
    await expect(one.wrong(key)).to_have_count(0)
    assert time.monotonic() - repaired < REPAIRED_SECONDS


async def status_of(person: Person) -> tuple[bool, bool]:
    """(online, busy), as everybody sees it."""
    answer = (await person.get("/users/me/status")).body
    return answer["is_online"], answer["is_busy"]


def named(label: str) -> list[str]:
    """Names that nobody has."""
    return [f"{name} {label} {secrets.token_hex(2)}" for name in ("Ada", "Bob", "Cem")]


async def test_a_call_whose_party_was_killed_is_ended(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("killed"))
    eve = await site.person(f"Eve killed {secrets.token_hex(2)}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, site.feed_url(eve), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    call_id = await call(ada, eve)

    async def kill() -> float:
        process.kill()
        await process.wait()
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"call_with_offline:{call_id}",
        cause=rf"{eve.username} is offline since \d\d:\d\d \(disconnected\)",
        effect=f"Ends the call; {ada.username} becomes available, {eve.username} stays offline",
        repair="End call",
        produce=kill,
    )
    assert (await ada.get("/calls/ongoing")).body["items"] == []
    assert await status_of(ada) == (True, False)


async def test_busy_set_in_the_store_by_hand_is_cleared(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("by hand"))

    async def write() -> float:
        async with by_hand(site) as store:
            await store.collection("users").update_one({"_id": ada.user_id}, {"$set": {"set_busy": True}})
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"busy_without_cause:{ada.user_id}",
        cause="set busy in the store, not so in the server",
        effect=f"Clears busy; {ada.username} stays available",
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

    async def write() -> float:
        async with by_hand(site) as store:
            fields = {"set_busy": True, "busy_until": until}
            await store.collection("users").update_one({"_id": ada.user_id}, {"$set": fields})
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"busy_until_past:{ada.user_id}",
        cause=r"set busy until .*\d\d:\d\d, which is past",
        effect=f"Clears busy; {ada.username} stays available",
        repair="Clear busy",
        produce=write,
    )


async def test_a_call_that_only_the_store_knows_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online(*named("stray"))
    call_id = secrets.token_hex(12)

    async def write() -> float:
        async with by_hand(site) as store:
            await store.collection("calls").insert_one(ongoing(call_id, ada, bob))
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"busy_without_cause:{call_id}",
        cause="ongoing in the store, unknown to the server",
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

    async def write() -> float:
        async with by_hand(site) as store:
            await store.collection("call_claims").insert_one({"_id": ada.user_id, "call_id": call_id})
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"busy_without_cause:{ada.user_id}",
        cause="held by a call that is not ongoing",
        effect="Gives up what is left of the call",
        repair="End call",
        produce=write,
    )
    await call(ada, bob)  # which the claim would have forbidden


async def test_of_two_calls_of_one_user_the_surplus_one_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, cem = await site.online(*named("twice"))
    real = await call(ada, bob)
    call_id = secrets.token_hex(12)

    async def write() -> float:
        async with by_hand(site) as store:
            await store.collection("calls").insert_one(ongoing(call_id, ada, cem))
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"two_calls:{ada.user_id}",
        cause=f"in 2 calls at once, with {bob.username} and with {cem.username}",
        effect=f"Ends the call with {cem.username}; {ada.username} keeps the other",
        repair="End call",
        produce=write,
    )
    assert [each["call_id"] for each in (await ada.get("/calls/ongoing")).body["items"]] == [real]


async def test_a_call_that_lasts_too_long_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online(*named("long"))
    call_id = await call(ada, bob)

    async def wait() -> float:
        return time.monotonic() + SETTINGS["long_call_seconds"]

    await seen_and_repaired(
        visit,
        f"long_call:{call_id}",
        cause=r"call over 4 s: 00:\d\d",
        effect=f"Ends the call; {ada.username} and {bob.username} become available",
        repair="End call",
        produce=wait,
    )
    assert (await ada.get("/calls/ongoing")).body["items"] == []


async def test_a_silent_socket_is_closed(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("silent"))
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    socket, status = await RawSocket.open(site.program.port, f"/ws/feed?token={ada.token}", User_Agent="iPhone")
    assert status == 101
    silent = one.page.locator('#attention [data-rows] > [data-key^="silent_socket:"]:not(.gone)')
    await expect(silent.locator("[data-f=because]")).to_have_text(re.compile(r"nothing heard for \d+ s"))
    await expect(silent.locator("[data-f=who]")).to_have_text(ada.username)
    await expect(silent.locator("[data-f=effect]")).to_have_text(re.compile("Closes 1 socket; the app stays away"))
    await silent.get_by_role("button", name="Disconnect").click()
    await one.confirm("nobody there")
    assert await socket.close_code() == 4501
    await expect(other.page.locator('#attention [data-key^="silent_socket:"]:not(.gone)')).to_have_count(0)
    await expect(silent).to_have_count(0)
    socket.end()


async def test_a_user_who_flaps_is_forced_offline(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("flapping"))

    async def flap() -> float:
        for is_busy in (True, False, True, False):
            assert (await ada.put("/users/me/status", {"is_busy": is_busy})).status == 200
        return time.monotonic()

    await seen_and_repaired(
        visit,
        f"flapping:{ada.user_id}",
        cause="4 changes of state or more within 60 s",
        effect=f"Shows {ada.username} as offline until the next heartbeat",
        repair="Force offline",
        produce=flap,
    )
    assert await status_of(ada) == (False, False)


def ongoing(call_id: str, caller: Person, callee: Person) -> dict[str, Any]:
    """The document of a call."""
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
