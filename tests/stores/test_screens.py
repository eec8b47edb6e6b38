"""Screens: a link that works once becomes a cookie that works until the screen is revoked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.database import Database
from models.errors import Conflict, Invalid, NotFound, UnusableStore
from models.screen_auth import LinkRefused, ScreenAuth
from models.screens import Screen
from models.stores import Stores, open_stores
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Walls:
    """Screen authentication with its stores. `now` is the time."""

    def __init__(self, stores: Stores, database: Database, settings: Any) -> None:
        self.stores = stores
        self.database = database
        self.now = NOON
        self.auth = ScreenAuth(stores.screens, settings, now=lambda: self.now)

    async def opened(self, name: str = "Lobby") -> tuple[Screen, str]:
        """Add a screen and open its link. Returns it and its cookie."""
        _, link = await self.auth.add(name, "", "maya")
        return await self.auth.open(link, "192.0.2.1", "Chrome on Linux")

    async def refusal(self, link: str) -> str:
        """Open a link that must be refused. Returns the message."""
        with pytest.raises(LinkRefused) as refused:
            await self.auth.open(link, "192.0.2.2", "Firefox on Windows")
        return refused.value.message


@pytest.fixture
def walls(database: Database, io_loop: IOLoop, tmp_path: Path) -> Walls:
    """A server without screens."""
    settings = store_settings(tmp_path, screens_limit=3, screen_link_seconds=3600)
    return Walls(io_loop.run_sync(lambda: open_stores(database, settings)), database, settings)


async def test_a_link_becomes_the_cookie_of_its_screen(walls: Walls) -> None:
    made, link = await walls.auth.add("  Lobby ", "sales", "maya")
    assert made == Screen(made.screen_id, "Lobby", "maya", NOON, NOON + timedelta(hours=1), "sales")
    walls.now += MINUTE
    opened, cookie = await walls.auth.open(link, "192.0.2.1", "Chrome on Linux")
    assert (opened.screen_id, opened.opened_at, opened.seen_at) == (made.screen_id, NOON + MINUTE, NOON + MINUTE)
    assert (opened.address, opened.device) == ("192.0.2.1", "Chrome on Linux")
    assert await walls.auth.identify(cookie) == opened
    assert await walls.auth.all() == [opened]


async def test_a_link_and_a_cookie_have_256_bits_and_are_stored_as_hashes(walls: Walls) -> None:
    _, link = await walls.auth.add("Lobby", "", "maya")
    _, cookie = await walls.auth.open(link, "", "")
    (document,) = await walls.database.collection("screens").find({})
    assert len(link) == len(cookie) == 43  # 256 bits in Base64
    assert not [secret for secret in (link, cookie) if secret in str(document)]
    assert await walls.auth.identify(link) is None
    assert await walls.auth.identify(document["cookie_hash"]) is None


async def test_a_link_works_once(walls: Walls) -> None:
    _, link = await walls.auth.add("Lobby", "", "maya")
    _, cookie = await walls.auth.open(link, "", "")
    assert "already opened, and works only once" in await walls.refusal(link)
    assert await walls.auth.identify(cookie) is not None


async def test_of_many_who_open_a_link_at_the_same_time_one_succeeds(walls: Walls) -> None:
    _, link = await walls.auth.add("Lobby", "", "maya")
    outcomes = await asyncio.gather(*(walls.auth.open(link, "", "") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, tuple) for each in outcomes) == 1
    assert sum(isinstance(each, LinkRefused) for each in outcomes) == 4


async def test_a_link_that_was_not_opened_in_time_has_expired(walls: Walls) -> None:
    made, link = await walls.auth.add("Lobby", "", "maya")
    walls.now = made.link_until
    assert "has expired" in await walls.refusal(link)
    assert (await walls.auth.get(made.screen_id)).opened_at is None


async def test_a_screen_that_was_opened_does_not_expire(walls: Walls) -> None:
    opened, cookie = await walls.opened()
    walls.now += timedelta(days=900)
    assert await walls.auth.identify(cookie) is not None
    assert await walls.auth.keep(opened.screen_id, walls.now)


async def test_revoking_ends_the_cookie_and_the_link(walls: Walls) -> None:
    opened, cookie = await walls.opened()
    waiting, link = await walls.auth.add("Canteen", "", "maya")
    assert await walls.auth.revoke(opened.screen_id) == opened
    await walls.auth.revoke(waiting.screen_id)
    assert await walls.auth.identify(cookie) is None
    assert not await walls.auth.keep(opened.screen_id, walls.now)
    assert "was revoked" in await walls.refusal(link)
    for change in (walls.auth.get, walls.auth.revoke, walls.auth.renew):
        with pytest.raises(NotFound):
            await change(opened.screen_id)


async def test_a_new_link_ends_the_cookie_and_the_old_link(walls: Walls) -> None:
    made, old = await walls.auth.add("Lobby", "", "maya")
    _, cookie = await walls.auth.open(old, "", "")
    walls.now += 10 * MINUTE
    renewed, new = await walls.auth.renew(made.screen_id)
    assert (renewed.opened_at, renewed.seen_at, renewed.link_until) == (None, None, walls.now + timedelta(hours=1))
    assert await walls.auth.identify(cookie) is None
    assert not await walls.auth.keep(made.screen_id, walls.now)
    await walls.stores.screens.touch(made.screen_id, walls.now)
    assert (await walls.auth.get(made.screen_id)).seen_at is None
    assert "doesn't exist" in await walls.refusal(old)
    opened, _ = await walls.auth.open(new, "", "")
    assert opened.screen_id == made.screen_id


async def test_the_last_sign_of_life_is_written_once_a_minute(walls: Walls) -> None:
    opened, cookie = await walls.opened()
    for seconds, seen in ((59, 0), (60, 60), (100, 60), (121, 121)):
        walls.now = NOON + timedelta(seconds=seconds)
        await walls.auth.identify(cookie)
        await walls.auth.keep(opened.screen_id, walls.now)
        assert (await walls.auth.get(opened.screen_id)).seen_at == NOON + timedelta(seconds=seen)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\u202eb", "a\nb"], ids=ascii)
async def test_a_name_that_cannot_be_shown_is_refused(name: str, walls: Walls) -> None:
    with pytest.raises(Invalid, match="name of a screen must have"):
        await walls.auth.add(name, "", "maya")


async def test_names_are_unique_and_the_number_of_screens_is_limited(walls: Walls) -> None:
    await walls.auth.add("Lobby", "", "maya")
    with pytest.raises(Conflict, match="already a screen named LOBBY") as taken:
        await walls.auth.add("LOBBY", "", "maya")
    assert taken.value.code == "SCREEN_NAME_TAKEN"
    for name in ("Canteen", "2nd floor"):
        await walls.auth.add(name, "", "maya")
    with pytest.raises(Conflict, match="already 3 screens") as full:
        await walls.auth.add("Roof", "", "maya")
    assert full.value.code == "TOO_MANY_SCREENS"
    assert [each.name for each in await walls.auth.all()] == ["2nd floor", "Canteen", "Lobby"]


async def test_a_foreign_document_is_left_out_of_the_list(walls: Walls) -> None:
    await walls.opened()
    await walls.database.collection("screens").insert_one({"_id": "x", "name_key": "x", "cookie_hash": "x"})
    assert [each.name for each in await walls.auth.all()] == ["Lobby"]
    with pytest.raises(UnusableStore):
        await walls.auth.get("x")
