"""System: the condition of the servers, their webhooks and settings."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Page

from chaos.ports import free_port
from models.webhook_batches import StoredBatch, batch_id
from tests.dashboard.site import Site
from tests.mongo import MongoServer, find_mongo
from tests.receiver import Receiver, new_secret
from tests.redis_server import RedisServer
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

PLAIN = {"java_script_enabled": False}
TALL = 4800

SERVERS = 3

SET_ASIDE = 23
"""More than the page lists."""

FAILURES = ("HTTP 503", "TLS: unable to get local issuer certificate", "no answer within 10 s")

SETTINGS_OF_WEBHOOKS = {"webhook_url": f"http://127.0.0.1:{free_port()}/hooks", "webhook_secret": new_secret()}


@place("failing", **SETTINGS_OF_WEBHOOKS)
async def furnish_failing(place: Place) -> None:
    """Nobody receives the webhooks: some wait, and others were set aside."""
    site, now = place.site, datetime.now(UTC)
    await site.start()
    async with site.stores() as stores:
        for number in range(SET_ASIDE):
            at = now - timedelta(hours=30 * number)
            stored = StoredBatch(
                batch_id=batch_id(1, number), webhook_id=f"msg_{'x' * 24}{number}", told="", count=1 + 99 * number,
                at=at, body='{"type":"events","events":[]}',
            )  # fmt: skip
            await stores.webhook_batches.set_aside(stored, at + timedelta(hours=24), FAILURES[number % len(FAILURES)])
    await site.online("Ada", "Björn")


@place("received")
async def furnish_received(place: Place) -> None:
    """Somebody receives the webhooks."""
    receiver = Receiver(new_secret())
    await receiver.start()
    place.ending.push_async_callback(receiver.stop)
    program = place.site.program
    given = {"webhook_url": receiver.url, "webhook_secret": receiver.secret}
    place.site = Site(program.another(program.settings.data_dir.parent, **given), place.site.seen)
    await place.site.start()
    await place.site.online("Ada", "Björn")
    await receiver.until(lambda: receiver.received)


@place("stalled", store_breaker_failures=1000)
async def furnish_stalled(place: Place) -> None:
    """Nothing can be saved, because another program keeps the embedded store locked."""
    await place.site.start()
    place.ids["people"] = await place.site.online(*[f"Person {number}" for number in range(12)])


@place("servers")
async def furnish_servers(place: Place) -> None:
    """Three servers on one MongoDB and one Redis."""
    program = place.site.program
    folder = program.settings.data_dir.parent
    folder.mkdir(parents=True)
    mongo, redis = MongoServer(find_mongo(), folder), RedisServer(Path(folder, "redis"), on_port=True)
    for server in (mongo, redis):
        await asyncio.to_thread(server.start)
        place.ending.push_async_callback(asyncio.to_thread, server.stop)
    given = {
        "mongodb_url": mongo.url, "mongodb_database": mongo.fresh_database("screenshots"), "redis_url": redis.url,
        "store_deadline_seconds": 1.2,
    }  # fmt: skip
    first, *others = [
        program.another(folder / str(number), **given, node_name=f"node-{number}.example.org")
        for number in range(1, SERVERS + 1)
    ]
    place.site = Site(first, place.site.seen)
    await place.site.start()
    for each in others:
        await each.start()
        place.ending.callback(each.kill)
    place.ending.callback(mongo.resume)
    place.ids.update(mongo=mongo, lost=others[-1])
    await place.site.online("Ada", "Björn", "Chidi")


async def reload_until(page: Page, text: str) -> None:
    """Reload the page until it has a text."""
    async with asyncio.timeout(30):
        while text not in await page.locator("main").inner_text():
            await asyncio.sleep(0.3)
            await page.reload()


plain("system_one", "/admin/system", role="admin")
plain("system_settings", "/admin/system#settings", role="admin", place="nobody", height=TALL)
plain("system_without_script", "/admin/system", role="admin", options=PLAIN)
plain("system_webhooks", "/admin/system", role="admin", place="failing", height=2200)
plain("system_webhooks_received", "/admin/system", role="admin", place="received", height=900)


@state("system_webhooks_again", "/admin/system", role="admin", place="failing", height=1200, is_alone=True)
async def webhooks_again(scene: Scene) -> None:
    """A webhook that was set aside is sent again."""
    async with scene.page.expect_navigation(wait_until="domcontentloaded"):
        await scene.page.get_by_role("button", name="Send msg_").nth(scene.page.viewport_size["width"] % 7).click()  # type: ignore[index]


@state("system_webhooks_gone", "/admin/system", role="admin", place="failing", options=PLAIN)
async def webhooks_gone(scene: Scene) -> None:
    """The webhook was sent since the page was loaded."""
    page = scene.page
    await page.locator("[name=webhook]").first.evaluate("(field) => (field.value = '0000000009-000000000009')")
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("button", name="Send msg_").first.click()


@state("system_unsaved", "/admin/system", role="admin", place="stalled", is_alone=True)
async def unsaved(scene: Scene) -> None:
    """What happens can't be saved."""
    path = Path(scene.place.site.program.settings.data_dir, "rollcall.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as locking:
        locking.execute("BEGIN IMMEDIATE")
        for number, person in enumerate(scene.place.ids["people"]):
            await person.put("/users/me/status", {"is_busy": number % 2 == 0})
        await asyncio.sleep(4)
        await scene.page.reload()


plain("system_servers", "/admin/system", role="admin", place="servers", height=900)


@state("system_servers_lost", "/admin/system", role="admin", place="servers", is_alone=True, height=900)
async def servers_lost(scene: Scene) -> None:
    """Nothing is heard of one server."""
    scene.place.ids["lost"].pause()
    await reload_until(scene.page, "Lost")


@state("system_store_down", "/admin/system", role="admin", place="servers", is_alone=True)
async def store_down(scene: Scene) -> None:
    """The store does not answer, so nobody knows who is signed in."""
    scene.place.ids["mongo"].pause()
    await reload_until(scene.page, "Temporarily unavailable")
