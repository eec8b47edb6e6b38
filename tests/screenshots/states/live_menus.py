"""Menus of Live: of a row, for users in each state, and of the list, with saved filters and columns."""

from __future__ import annotations

import asyncio

from playwright.async_api import Locator, expect

from models.saved_filters import FILTERS_LIMIT, SavedFilter
from tests.clients import Person, RawSocket, Socket
from tests.dashboard.site import call
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, state
from tests.screenshots.states.live import PHONE_HEIGHT

PING_SECONDS = 12.0
"""A socket is silent from then on, and is closed after twice as long."""

SCROLLING_MS = 300

FILTERS = (
    ("Available, longest first", "status=available&sort=since"),
    ("Night shift of the support team on the second floor, Tuesday", "q=night&tag=support+of+the+night+shift"),
    ("مشغولون الآن", "status=busy"),
    ("Needs attention", "status=attention"),
)


@place("one_of_each", ping_interval_seconds=PING_SECONDS, pong_timeout_seconds=PING_SECONDS - 0.1,
       silent_socket_seconds=PING_SECONDS + 0.1, hold_seconds=1800.0)  # fmt: skip
async def furnish_one_of_each(place: Place) -> None:
    """A user in each state, an operator with saved filters, and an admin who can save no more."""
    await place.site.start()
    people = dict(zip(ROLES, await place.site.online(*ROLES.values()), strict=True))
    place.ids |= {role: person.user_id for role, person in people.items()}
    await call(people["caller"], people["callee"])
    assert (await people["busy"].put("/users/me/status", {"is_busy": True})).status == 200
    assert (await people["offline"].put("/users/me/status", {"is_online": False})).status == 200
    await place.site.program.command("user", "disable", str(people["disabled"].user_id))
    await _save_filters(place)
    url = place.site.feed_url(people["available"])
    place.ids["sockets"] = [await Socket.open(url) for _ in range(2)]
    silent = asyncio.create_task(_keep_silent(place, people["silent"]))
    place.ending.callback(silent.cancel)
    await asyncio.sleep(PING_SECONDS + 2)


ROLES = {
    "available": "Amira Haddad", "busy": "Bela Novák", "caller": "Chen Li", "callee": "Dana Fox",
    "offline": "Emil Krause", "silent": "Farid Aziz", "disabled": "Gwen Price",
}  # fmt: skip


async def _keep_silent(place: Place, person: Person) -> None:
    """Open sockets that never answer, so that one of them is always silent."""
    path = f"/ws/feed?token={person.token}"
    sockets = []
    while True:
        sockets.append(await RawSocket.open(place.site.program.port, path, User_Agent="iPhone"))
        await asyncio.sleep(PING_SECONDS - 1)


async def _save_filters(place: Place) -> None:
    async with place.site.stores() as stores:
        ids = {each.name: each.operator_id for each in await stores.operators.all()}
        for name, query in FILTERS:
            await stores.saved_filters.save(ids["second"], SavedFilter("live", name, query))
        for number in range(FILTERS_LIMIT):
            saved = SavedFilter("live", f"Team {number + 1:02}", f"q=team+{number + 1}")
            await stores.saved_filters.save(ids["admin"], saved)


async def _press(scene: Scene, button: Locator) -> None:
    """Press a button that opens a menu. Scrolling would close the menu, so it comes first."""
    await button.scroll_into_view_if_needed()
    await scene.page.wait_for_timeout(SCROLLING_MS)
    await button.click()


async def _open_menu(scene: Scene, user_id: int) -> None:
    await _press(scene, scene.page.locator(f'#users [data-user="{user_id}"] [data-f=more]'))
    await expect(scene.live.menu).to_be_visible()


def _define_menu(role: str) -> None:
    """Define the state in which the menu of this user's row is open."""

    @state(f"live_menu_of_{role}", "/admin?sort=name", place="one_of_each", height=PHONE_HEIGHT)
    async def _menu(scene: Scene) -> None:
        await _open_menu(scene, scene.place.ids[role])


for _role in ("available", "busy", "caller", "offline", "silent", "disabled"):
    _define_menu(_role)


@state("live_menu_of_pending", "/admin?sort=name", place="one_of_each", height=PHONE_HEIGHT)
async def _pending(scene: Scene) -> None:
    """Force offline waits for the end of the call."""
    hana, ivo = await scene.place.online("Hana Sato", "Ivo Marin")
    await call(hana, ivo)
    await scene.live.choose(hana, "Force offline")
    await scene.live.confirm("went home without her laptop")
    await expect(scene.live.cell(hana, "waiting")).to_have_text("force offline, by operator")
    await _open_menu(scene, hana.user_id)


async def _open_views(scene: Scene) -> None:
    await _press(scene, scene.page.get_by_role("button", name="Views"))
    await expect(scene.page.locator("#views")).to_be_visible()


@state("live_views_empty", "/admin", height=PHONE_HEIGHT)
async def _views_empty(scene: Scene) -> None:
    await _open_views(scene)


@state(
    "live_views_saved", "/admin?status=available&sort=since", role="second", place="one_of_each", height=PHONE_HEIGHT
)
async def _views_saved(scene: Scene) -> None:
    """The second one is what the page shows; another one is being named."""
    await _open_views(scene)
    await scene.page.locator("#views [name=name]").fill("Everybody who has been free for longest this morning")


@state("live_views_fifty", "/admin", role="admin", place="one_of_each", height=PHONE_HEIGHT)
async def _views_fifty(scene: Scene) -> None:
    await _open_views(scene)


async def _save(scene: Scene, name: str) -> None:
    await _open_views(scene)
    await scene.page.locator("#views [name=name]").fill(name)
    async with scene.page.expect_navigation():
        await scene.page.locator("#views").get_by_role("button", name="Save filter").click()
    await scene.live.ready()


@state("live_views_after_saving", "/admin?status=busy", role="second", place="one_of_each", height=PHONE_HEIGHT)
async def _views_after_saving(scene: Scene) -> None:
    await _save(scene, FILTERS[2][0])


@state("live_views_refused", "/admin?status=busy", role="admin", place="one_of_each", height=PHONE_HEIGHT)
async def _views_refused(scene: Scene) -> None:
    await _save(scene, "One more than fifty")


@state("live_without_script_menu", "/admin?sort=name", place="one_of_each", options={"java_script_enabled": False})
async def _menu_without_script(scene: Scene) -> None:
    await scene.page.locator(f'#users [data-user="{scene.place.ids["caller"]}"] [data-f=more]').click()
