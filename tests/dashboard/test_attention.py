"""Issues in memory: each is really caused, shown with its cause, repaired by its button, and gone for everyone."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys

import pytest
from playwright.async_api import expect

from tests.clients import Person, RawSocket
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.repairs import named, see_and_repair
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

SETTINGS = {
    "ping_interval_seconds": 3.0,
    "pong_timeout_seconds": 2.9,
    "silent_socket_seconds": 3.5,
    "long_call_seconds": 4.0,
    "flapping_changes": 4,
}
"""A silent socket must be shown before it is closed, which happens after 5.9 s."""

CLIENT = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1]) as socket:
    print("open", flush=True)
    for _ in socket:
        pass
"""
"""A separate program that keeps a socket open until it is killed."""


async def test_a_call_whose_party_was_killed_is_ended(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("killed"))
    eve = await site.person(f"Eve killed {secrets.token_hex(2)}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, site.feed_url(eve), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    call_id = await call(ada, eve)

    async def kill() -> None:
        process.kill()
        await process.wait()

    await see_and_repair(
        visit,
        f"call_with_offline:{call_id}",
        cause=rf"{eve.username} has been offline since \d\d:\d\d \(disconnected\)",
        effect=f"Ends the call. {ada.username} becomes available, {eve.username} stays offline",
        repair="End call",
        produce=kill,
    )
    assert (await ada.get("/calls/ongoing")).body["items"] == []
    assert await status_of(ada) == (True, False)


async def test_a_call_that_lasts_too_long_is_ended(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online(*named("long"))
    call_id = await call(ada, bob)

    async def wait() -> None:
        """The call only has to last."""

    await see_and_repair(
        visit,
        f"long_call:{call_id}",
        cause=r"On a call for \d+ s \(limit 4 s\)",
        effect=f"Ends the call. {ada.username} and {bob.username} become available",
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
    await expect(silent.locator("[data-f=because]")).to_have_text(re.compile(r"Silent for \d+ s"))
    await expect(silent.locator("[data-f=who]")).to_have_text(ada.username)
    await expect(silent.locator("[data-f=effect]")).to_have_text(re.compile("^Closes 1 connection. .*disconnected"))
    await silent.get_by_role("button", name="Disconnect").click()
    await one.confirm("nobody there")
    assert await socket.close_code() == 4501
    await expect(other.page.locator('#attention [data-key^="silent_socket:"]:not(.gone)')).to_have_count(0)
    await expect(silent).to_have_count(0)
    socket.end()


async def test_a_user_who_flaps_is_forced_offline(site: Site, visit: Visit) -> None:
    ada, *_ = await site.online(*named("flapping"))

    async def flap() -> None:
        for is_busy in (True, False, True, False):
            assert (await ada.put("/users/me/status", {"is_busy": is_busy})).status == 200

    await see_and_repair(
        visit,
        f"flapping:{ada.user_id}",
        cause=r"Changed state \d+ times in the last minute",
        effect=f"Shows {ada.username} as offline until the next heartbeat",
        repair="Force offline",
        produce=flap,
    )
    assert await status_of(ada) == (False, False)


async def status_of(person: Person) -> tuple[bool, bool]:
    """Return (online, busy) as everyone sees it."""
    answer = (await person.get("/users/me/status")).body
    return answer["is_online"], answer["is_busy"]
