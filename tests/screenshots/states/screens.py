"""Screens: the page on which admins make links for screens, and what such a screen shows."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from models.screen_auth import ScreenAuth
from models.stores import Stores
from tests.dashboard.crowds import LONG_NAMES
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

SCREENS = "/admin/screens"
SCREEN = "/admin/screen"
CHANGE = "/admin/screens/{%s}?change=%s"

DEVICE = "Firefox on Linux"

LONG_ADDRESS = "2001:db8:85a3:8d3:1319:8a2e:370:7348"


@place("screens")
async def furnish_screens(place: Place) -> None:
    """Screens in each state, with long names."""
    await place.site.start()
    await _make_all(place)


def _auth(place: Place, stores: Stores, ago: timedelta = timedelta()) -> ScreenAuth:
    return ScreenAuth(stores.screens, place.site.program.settings, now=lambda: datetime.now(UTC) - ago)


async def _make_all(place: Place) -> None:
    """Make the screens anew, without those that states have made since."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    async with place.site.stores() as stores:
        for each in await stores.screens.all():
            await stores.screens.remove(each.screen_id)
        for key, name, tag, made_ago, opened_ago, address in (
            ("on", "Reception", "", 3 * day, 3 * day, "10.20.30.40"),
            ("silent", LONG_NAMES[0][:64], "support of the night shift", 200 * day, 199.5 * day, LONG_ADDRESS),
            ("waiting", LONG_NAMES[3], "دعم", 2 * hour, None, ""),
            ("expired", "W" * 64, "W" * 64, 500 * day, None, ""),
        ):
            screen, secret = await _auth(place, stores, made_ago).add(name, tag, "maya")
            place.ids[key] = screen.screen_id
            if opened_ago is not None:
                await _auth(place, stores, opened_ago).open(secret, address, DEVICE)
        await stores.screens.touch(place.ids["on"], datetime.now(UTC))
        await stores.screens.touch(place.ids["silent"], datetime.now(UTC) - 50 * hour)


async def _made(scene: Scene, name: str, tag: str = "") -> str:
    """Make a screen with a unique name. Returns the address of its link."""
    async with scene.place.site.stores() as stores:
        _, secret = await _auth(scene.place, stores).add(f"{name} {secrets.token_hex(2)}", tag, "maya")
    return f"{scene.place.site.origin}{SCREEN}#{secret}"


async def _show_wall(scene: Scene, link: str) -> None:
    await scene.page.goto(link)
    await scene.page.wait_for_function("() => document.documentElement.dataset.feed === 'live'")


plain("screens_none", SCREENS, role="admin", place="nobody")
plain("screens_new_link", CHANGE % ("on", "renew"), role="admin", place="screens")
plain("screens_new_link_of_silent", CHANGE % ("silent", "renew"), role="admin", place="screens")
plain("screens_new_link_of_waiting", CHANGE % ("waiting", "renew"), role="admin", place="screens")
plain("screens_revoke", CHANGE % ("silent", "revoke"), role="admin", place="screens")
plain("screens_revoke_waiting", CHANGE % ("waiting", "revoke"), role="admin", place="screens")
plain("screen_unconnected", SCREEN, role="")


@state("screens_several", SCREENS, role="admin", place="screens", is_alone=True)
async def list_several(scene: Scene) -> None:
    """One that is on, one that is silent, one whose link waits, and one whose link has expired."""
    await _list_anew(scene)


async def _list_anew(scene: Scene) -> None:
    await _make_all(scene.place)
    await scene.page.reload()


async def _fill(scene: Scene, name: str) -> None:
    await scene.page.locator("[name=name]").fill(name)
    async with scene.page.expect_navigation():
        await scene.page.get_by_role("button", name="Make link").click()


@state("screens_made", SCREENS, role="admin", place="screens", is_alone=True)
async def make_link(scene: Scene) -> None:
    """The link, which is shown once."""
    await _list_anew(scene)
    await _fill(scene, "Lobby of the old building")


@state(
    "screens_made_without_scripts", SCREENS, role="admin", place="screens", is_alone=True,
    options={"java_script_enabled": False},
)  # fmt: skip
async def make_link_without_scripts(scene: Scene) -> None:
    """The same in a browser that can't copy it."""
    await make_link(scene)


@state("screens_name_taken", SCREENS, role="admin", place="screens", is_alone=True)
async def take_the_name(scene: Scene) -> None:
    """A name that another screen has."""
    await _list_anew(scene)
    await _fill(scene, "reception")


@state("screens_revoked", SCREENS, role="admin", place="screens", is_alone=True)
async def revoke(scene: Scene) -> None:
    """After a screen was revoked."""
    await _list_anew(scene)
    await scene.page.get_by_role("link", name="Revoke Zoë").click()
    async with scene.page.expect_navigation():
        await scene.page.get_by_role("button", name="Revoke").click()


@state("screens_gone", SCREENS, role="admin", place="screens")
async def change_one_that_is_gone(scene: Scene) -> None:
    """A screen that another admin has revoked."""
    await scene.page.goto(f"{scene.place.site.origin}{SCREENS}/0123456789abcdef?change=renew")


@state("screen_wall", SCREEN, role="")
async def open_link(scene: Scene) -> None:
    """The wall without menu and links."""
    await _show_wall(scene, await _made(scene, "Reception"))


@state("screen_wall_of_tag", SCREEN, role="")
async def open_link_with_tag(scene: Scene) -> None:
    """A wall with a long name that lists a team."""
    await _show_wall(scene, await _made(scene, LONG_NAMES[0][:58], "support of the night shift"))


@state("screen_link_used", SCREEN, role="")
async def open_link_again(scene: Scene) -> None:
    """A link that another browser has opened."""
    link = await _made(scene, "Canteen")
    async with scene.place.site.stores() as stores:
        await _auth(scene.place, stores).open(link.partition("#")[2], "10.20.30.40", DEVICE)
    await _refused(scene, link)


async def _refused(scene: Scene, link: str) -> None:
    await scene.page.goto(link)
    await expect(scene.page.get_by_role("alert")).to_be_visible()


@state("screen_link_expired", SCREEN, role="")
async def open_old_link(scene: Scene) -> None:
    """A link from last week."""
    async with scene.place.site.stores() as stores:
        auth = _auth(scene.place, stores, timedelta(days=7))
        _, secret = await auth.add(f"Roof {secrets.token_hex(2)}", "", "maya")
    await _refused(scene, f"{scene.place.site.origin}{SCREEN}#{secret}")
