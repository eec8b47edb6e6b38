"""Dialogs: what asks before an action, what it says then, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

from playwright.async_api import Route, expect

from tests.clients import Person, Socket
from tests.dashboard.crowds import LONG_NAMES
from tests.dashboard.site import call
from tests.screenshots.state import Scene, plain, state

ACTIONS = re.compile(r"/admin/actions(\?|$)")
REASON = "She asked on the phone"


async def find(scene: Scene, *people: Person) -> None:
    """Show only these users, and wait until they are there."""
    await scene.live.search.fill(",".join(f"#{each.user_id}" for each in people))
    await expect(scene.live.rows).to_have_count(len(people))


async def ask(scene: Scene, person: Person, item: str) -> None:
    """Choose an action in a user's menu, and wait until the dialog says what it affects."""
    await find(scene, person)
    await scene.live.choose(person, item)
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


async def send(scene: Scene) -> None:
    """Give a reason and submit."""
    await scene.live.dialog.get_by_label("Reason").fill(REASON)
    await scene.live.dialog.locator("[data-f=send]").click()


async def toast(scene: Scene) -> None:
    """Wait for the message that says what became of it."""
    await expect(scene.live.toast).to_have_class(re.compile("shown"))
    await scene.page.mouse.move(1, 1)


async def two_on_a_call(scene: Scene, first: str = "Ada Quist", second: str = "Björn Santos") -> tuple[Person, Person]:
    """Two users of this state's own, who are on a call."""
    ada, bob = await scene.place.online(first, second)
    await call(ada, bob)
    return ada, bob


async def connect(scene: Scene, person: Person, *devices: str) -> None:
    """Open a socket for each device, for as long as the page is open."""
    for device in devices:
        socket = await Socket.open(scene.place.site.feed_url(person), headers={"User-Agent": device})
        reading = asyncio.ensure_future(_read(socket))
        scene.page.on("close", lambda _, reading=reading: reading.cancel())


async def _read(socket: Socket) -> None:
    with contextlib.suppress(Exception):
        async with socket:
            while True:
                await socket.take()


# One user.


@state("dialog_force_offline", "/admin", place="calm")
async def ask_force_offline(scene: Scene) -> None:
    """Somebody without a call."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")


@state("dialog_force_offline_long_name", "/admin")
async def ask_long_name(scene: Scene) -> None:
    """Somebody with a long name, on a call with somebody with a long name."""
    await scene.live.search.fill(LONG_NAMES[0])
    await expect(scene.live.rows).to_have_count(1)
    await scene.live.open_menu(scene.live.rows.first)
    await scene.live.menu.get_by_role("button", name="Force offline…").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("dialog_force_offline_waits", "/admin", place="calm")
async def ask_waiting(scene: Scene) -> None:
    """Somebody on a call, with a connection."""
    ada, _ = await two_on_a_call(scene)
    await connect(scene, ada, "iPhone")
    await ask(scene, ada, "Force offline…")


@state("dialog_force_offline_now", "/admin", place="calm")
async def ask_now(scene: Scene) -> None:
    """The operator does not wait for the end of the call."""
    await ask_waiting(scene)
    await scene.live.dialog.get_by_label("Don't wait for the call to end").check()


@state("dialog_disconnect", "/admin", place="calm")
async def ask_disconnect(scene: Scene) -> None:
    """Two connections."""
    (ada,) = await scene.place.online("Ada Quist")
    await connect(scene, ada, "iPhone", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
    await ask(scene, ada, "Disconnect…")


@state("dialog_disconnect_call", "/admin", place="calm")
async def ask_disconnect_call(scene: Scene) -> None:
    """The only connection of somebody on a call."""
    ada, _ = await two_on_a_call(scene)
    await connect(scene, ada, "iPhone")
    await ask(scene, ada, "Disconnect…")


@state("dialog_sign_out", "/admin", place="calm")
async def ask_sign_out(scene: Scene) -> None:
    """Signing out everywhere, during a call."""
    ada, _ = await two_on_a_call(scene)
    await ask(scene, ada, "Sign out everywhere…")


@state("dialog_clear_busy", "/admin", place="calm")
async def ask_clear_busy(scene: Scene) -> None:
    """Somebody who is busy by hand."""
    (ada,) = await scene.place.online("Ada Quist")
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    await ask(scene, ada, "Clear busy…")


@state("dialog_clear_busy_waits", "/admin", place="calm")
async def ask_clear_busy_waits(scene: Scene) -> None:
    """Somebody who is also on a call."""
    (ada, bob) = await scene.place.online("Ada Quist", "Björn Santos")
    await call(ada, bob)
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    await ask(scene, ada, "Clear busy…")


@state("dialog_end_call", "/admin", place="calm")
async def ask_end_call(scene: Scene) -> None:
    """A call, from the menu of a participant."""
    ada, _ = await two_on_a_call(scene)
    await ask(scene, ada, "End call…")


@state("dialog_end_call_repair", "/admin")
async def ask_repair(scene: Scene) -> None:
    """The repair of a long call, with long names and a reason that is suggested."""
    await scene.page.locator("#attention .row [data-f=repair]").first.click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("dialog_end_call_leftover", "/admin", place="issues")
async def ask_leftover(scene: Scene) -> None:
    """The repair of what is left of a call."""
    box = scene.page.locator("#attention [data-box]")
    row = scene.page.locator("#attention .row").filter(has_text="because of a call that is not ongoing").first
    for _ in range(20):
        if await row.count():
            break
        await box.evaluate("(box) => { box.scrollTop += 100; }")
        await scene.page.wait_for_timeout(100)
    await row.locator("[data-f=repair]").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("dialog_checking", "/admin", place="calm")
async def ask_slowly(scene: Scene) -> None:
    """The server has not said yet what is affected."""
    (ada,) = await scene.place.online("Ada Quist")
    await find(scene, ada)
    await scene.page.route(ACTIONS, lambda _: None)
    await scene.live.choose(ada, "Force offline…")


@state("dialog_reason_missing", "/admin", place="calm")
async def ask_without_reason(scene: Scene) -> None:
    """The form was sent without a reason."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    await scene.live.dialog.get_by_label("Reason").fill("   ")
    await scene.live.dialog.locator("[data-f=send]").click()
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


# What can go wrong.


@state("dialog_nothing_to_do", "/admin", place="calm")
async def ask_in_vain(scene: Scene) -> None:
    """The user has gone offline since the menu was opened."""
    ada, bob = await scene.place.online("Ada Quist", "Björn Santos")
    assert (await bob.put("/users/me/status", {"is_online": False})).status == 200
    await find(scene, ada)

    async def ask_for_other(route: Route) -> None:
        await route.continue_(url=route.request.url.replace(f"user_id={ada.user_id}", f"user_id={bob.user_id}"))

    await scene.page.route(ACTIONS, ask_for_other)
    await scene.live.choose(ada, "Force offline…")
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


@state("dialog_refused", "/admin", place="calm")
async def ask_too_late(scene: Scene) -> None:
    """The user has gone offline while the dialog was open."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    assert (await ada.put("/users/me/status", {"is_online": False})).status == 200
    await send(scene)
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


async def answer_with(scene: Scene, status: int, body: Any = None) -> None:
    """Let the server answer the next action like this."""
    text = json.dumps(body) if body else "<h1>Bad gateway</h1>"
    await scene.page.route(ACTIONS, lambda route: route.fulfill(status=status, body=text))


@state("dialog_store_unavailable", "/admin", place="calm")
async def ask_without_store(scene: Scene) -> None:
    """The store cannot be reached."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    message = "The store can't be reached right now. Try again in a moment."
    await answer_with(scene, 503, {"error": {"code": "STORE_UNAVAILABLE", "message": message}})
    await send(scene)
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


@state("dialog_server_error", "/admin", place="calm")
async def ask_broken_server(scene: Scene) -> None:
    """Something between the page and the server answers."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    await answer_with(scene, 502)
    await send(scene)
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


@state("dialog_network_gone", "/admin", place="calm")
async def ask_without_network(scene: Scene) -> None:
    """The network is gone when the form is sent."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    await scene.page.context.set_offline(True)
    await send(scene)
    await expect(scene.live.dialog.locator("[data-f=error]")).to_be_visible()


@state("dialog_stale", "/admin", place="fragile", is_alone=True)
async def ask_on_a_stale_page(scene: Scene) -> None:
    """The server has stopped answering while the dialog was open."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    scene.place.site.program.pause()
    try:
        await expect(scene.live.chip).not_to_have_text("Live", timeout=15_000)
        await expect(scene.live.dialog.locator("[data-f=send]")).to_be_disabled()
    finally:
        scene.page.on("close", lambda _: scene.place.site.program.resume())


# Several users.


async def pick(scene: Scene, *people: Person) -> None:
    """Pick these users."""
    await find(scene, *people)
    await pick_all(scene)


async def pick_all(scene: Scene) -> None:
    """Pick everybody who is listed. A phone shows no heads: there, all can be picked once somebody is."""
    head = scene.page.locator("[data-pick=head]")
    if await head.is_visible():
        await head.click()
    else:
        await scene.live.rows.first.locator("[data-f=pick]").click()
        await scene.page.locator("[data-pick=all]").click()


async def team(scene: Scene) -> list[Person]:
    """Somebody available, two on a call, and somebody offline."""
    ada, bob, cem, dora = await scene.place.online("Ada Quist", LONG_NAMES[3][:60], "Chidi Okafor", "Dora Mbeki")
    await call(bob, cem)
    assert (await dora.put("/users/me/status", {"is_online": False})).status == 200
    return [ada, bob, cem, dora]


@state("dialog_several", "/admin", place="calm")
async def ask_several(scene: Scene) -> None:
    """Some of them on a call, one for whom nothing would change."""
    await pick(scene, *await team(scene))
    await scene.page.locator("#pick").get_by_role("button", name="Force offline 3 users…").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("dialog_several_unchanged", "/admin", place="calm")
async def ask_several_unchanged(scene: Scene) -> None:
    """Who stays as they are, and why."""
    await ask_several(scene)
    await scene.live.dialog.locator("[data-f=unchanged] summary").click()
    await scene.live.dialog.get_by_label("Don't wait for the call to end").check()


async def ask_for_all(scene: Scene, item: str = "Sign out") -> None:
    """An action for everybody who matches."""
    await pick_all(scene)
    await scene.page.locator("#pick").get_by_role("button", name=re.compile(f"^{item} [\\d,]+ users?…")).click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("dialog_many_open", "/admin?status=calls&sort=-name")
async def ask_many_open(scene: Scene) -> None:
    """The names of all, some of them long."""
    await ask_for_all(scene, "Force offline")
    await scene.live.dialog.locator("[data-f=more] summary").click()


@state("dialog_500", "/admin", place="thousands")
async def ask_500(scene: Scene) -> None:
    """As many as one action may be for."""
    await ask_for_all(scene)


@state("dialog_clear_busy_several", "/admin?status=busy")
async def ask_clear_several(scene: Scene) -> None:
    """Those who are busy by hand, of many who are busy."""
    await ask_for_all(scene, "Clear busy for")


@state("dialog_progress", "/admin?status=calls")
async def show_progress(scene: Scene) -> None:
    """An action that takes long."""
    await ask_for_all(scene)
    await scene.page.route(ACTIONS, lambda _: None)
    progress = json.dumps({"done": 23, "count": 56})
    await scene.page.route("**/admin/actions/progress*", lambda route: route.fulfill(body=progress))
    await send(scene)
    await scene.live.dialog.locator("[data-f=progress]").wait_for(state="visible")


@state("dialog_progress_unreachable", "/admin?status=calls")
async def lose_progress(scene: Scene) -> None:
    """The connection is lost during an action that takes long."""
    await show_progress(scene)
    await scene.page.context.set_offline(True)
    await scene.page.wait_for_timeout(8_000)


# What became of it.


@state("dialog_results", "/admin", place="calm")
async def show_results(scene: Scene) -> None:
    """Done, waiting, nothing to do, and refused because another action waits already."""
    people = await team(scene)
    await ask(scene, people[1], "Force offline…")
    await send(scene)
    await expect(scene.live.dialog).to_be_hidden()
    await pick(scene, *people)
    await scene.page.locator("#pick").get_by_role("button", name="Force offline 3 users…").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()
    await send(scene)
    await expect(scene.page.locator("dialog#results")).to_be_visible()


@state("dialog_results_again", "/admin", place="calm")
async def show_results_again(scene: Scene) -> None:
    """The results have been closed, and can be opened again."""
    await show_results(scene)
    await scene.page.locator("dialog#results").get_by_role("button", name="Close").click()


@state("dialog_toast_done", "/admin", place="calm")
async def toast_done(scene: Scene) -> None:
    """Done."""
    (ada,) = await scene.place.online("Ada Quist")
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    await ask(scene, ada, "Clear busy…")
    await send(scene)
    await toast(scene)


@state("dialog_toast_done_several", "/admin", place="calm")
async def toast_several(scene: Scene) -> None:
    """Done, for several."""
    people = await scene.place.online("Ada Quist", "Björn Santos", "Chidi Okafor")
    await pick(scene, *people)
    await scene.page.locator("#pick").get_by_role("button", name="Force offline 3 users…").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()
    await send(scene)
    await toast(scene)


@state("dialog_toast_waiting", "/admin", place="calm")
async def toast_waiting(scene: Scene) -> None:
    """Waiting for the end of a call."""
    ada, _ = await two_on_a_call(scene, LONG_NAMES[0][:60])
    await ask(scene, ada, "Force offline…")
    await send(scene)
    await toast(scene)


@state("dialog_toast_end_call", "/admin", place="calm")
async def toast_end_call(scene: Scene) -> None:
    """A call with an Arabic name has ended."""
    ada, _ = await two_on_a_call(scene, LONG_NAMES[3][:60])
    await ask(scene, ada, "End call…")
    await send(scene)
    await toast(scene)


@state("dialog_toast_refused", "/admin", place="calm")
async def toast_refused(scene: Scene) -> None:
    """The dialog was closed before the answer came, which is a refusal."""
    (ada,) = await scene.place.online("Ada Quist")
    await ask(scene, ada, "Force offline…")
    assert (await ada.put("/users/me/status", {"is_online": False})).status == 200

    async def slowly(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await scene.page.route(ACTIONS, slowly)
    await send(scene)
    await scene.live.dialog.get_by_role("button", name="Close").click()
    await toast(scene)


@state("dialog_toast_disconnected", "/admin", place="calm")
async def toast_disconnected(scene: Scene) -> None:
    """Somebody was disconnected."""
    (ada,) = await scene.place.online("Ada Quist")
    await connect(scene, ada, "iPhone")
    await ask(scene, ada, "Disconnect…")
    await send(scene)
    await toast(scene)


# Tags, and the pages that ask without JavaScript.

plain("dialog_tag", "/admin/actions?action=add_tag&user_id={longest}&next=/admin")
plain("dialog_tag_several", "/admin/actions?action=remove_tag&user_id=1&user_id=10&user_id=19&next=/admin")
plain("dialog_tag_add", "/admin/actions?action=add_tag&user_id=1&user_id=10&user_id=19&tag=night&next=/admin")
plain("dialog_tag_remove", "/admin/actions?action=remove_tag&user_id={longest}&tag=" + "W" * 64 + "&next=/admin")
plain(
    "dialog_page",
    "/admin/actions?action=force_offline&user_id={longest}&next=/admin",
    options={"java_script_enabled": False},
)
plain("dialog_page_end_call", "/admin/actions?action=end_call&call_id={call}&next=/admin")
plain("dialog_page_nothing", "/admin/actions?action=clear_busy&user_id={longest}&next=/admin")
plain(
    "dialog_page_several",
    "/admin/actions?action=force_offline&next=/admin&" + "&".join(f"user_id={number}" for number in range(1, 31)),
)


@state("dialog_tag_wrong", "/admin/actions?action=add_tag&user_id={longest}&next=/admin")
async def enter_wrong_tag(scene: Scene) -> None:
    """A tag that is too long."""
    await scene.page.get_by_label("Tag").fill("night shift " * 8)
    await scene.page.get_by_role("button", name="Continue…").click()
    await scene.page.get_by_role("alert").wait_for()


@state("dialog_page_wrong", "/admin/actions?action=force_offline&user_id={longest}&next=/admin")
async def send_without_reason(scene: Scene) -> None:
    """No reason, but the box is ticked."""
    await scene.page.get_by_label("Don't wait for the call to end").check()
    await scene.page.get_by_label("Reason").fill("  ")
    await scene.page.get_by_role("button", name="Force offline").click()
    await scene.page.get_by_role("alert").wait_for()


@state("dialog_page_results", "/admin", options={"java_script_enabled": False})
async def show_results_on_page(scene: Scene) -> None:
    """What became of an action on several, without JavaScript."""
    people = await team(scene)
    query = "&".join(f"user_id={each.user_id}" for each in people)
    await scene.page.goto(f"{scene.place.site.origin}/admin/actions?action=force_offline&{query}&next=/admin")
    await scene.page.get_by_label("Reason").fill(REASON)
    await scene.page.get_by_role("button", name="Force offline 3 users").click()
