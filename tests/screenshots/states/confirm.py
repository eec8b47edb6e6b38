"""Confirm: the pages that ask for the reason of an action, and what the next page says of its result."""

from __future__ import annotations

from tests.clients import Person, Socket
from tests.dashboard.crowds import LONG_NAMES, ONLINE_SETTINGS, gather_crowd
from tests.dashboard.site import call
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

PLAIN = {"java_script_enabled": False}
ACTIONS, ACCOUNTS = "/admin/actions?action=", "/admin/accounts?action="
REASON = "She asked on the phone"


@place("confirm", **ONLINE_SETTINGS)
async def furnish_confirm(place: Place) -> None:
    """A team of 61, somebody with two devices, and a call of two who have set themselves busy."""
    crowd = await gather_crowd(place.site, 61)
    first = crowd.longest  # the others follow
    place.ids.update(
        {f"user_{number}": first + number for number in range(61)},
        call=crowd.call_id,
        several="&".join(f"user_id={first + number}" for number in range(61)),
        nothing="&".join(f"user_id={first + number}" for number in (3, 4, 13)),
    )
    await place.site.start()
    connected, busy, other, disabled = await place.site.online("Dora Lindqvist", "Kofi", LONG_NAMES[3][:40], "Emre")
    for device in ("okhttp/4.12", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/145.0"):
        socket = await Socket.open(place.site.feed_url(connected), headers={"User-Agent": device})
        place.ending.push_async_callback(socket.close)
    await busy.put("/users/me/status", {"is_busy": True})
    await call(busy, other)
    await connected.put("/users/me/status", {"is_busy": True})
    place.ids.update(connected=connected.user_id, busy=busy.user_id, disabled=disabled.user_id)


async def open_action(scene: Scene, action: str, *people: Person, url: str = ACTIONS, query: str = "") -> None:
    """Open the page that asks for the reason of an action on these users."""
    users = "".join(f"&user_id={each.user_id}" for each in people)
    await scene.page.goto(f"{scene.place.site.origin}{url}{action}{users}{query}")


async def send(scene: Scene, reason: str = REASON) -> None:
    """Send the form as a browser would that checks nothing, and wait for the next page."""
    page = scene.page
    await page.locator("form.confirm").evaluate("(form) => (form.noValidate = true)")
    await page.get_by_label("Reason").evaluate("(field) => field.removeAttribute('maxlength')")
    await page.get_by_label("Reason").fill(reason)
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.locator("form.confirm button[type=submit]").click()


# What is asked for one user or call.

OWN = {"place": "confirm"}

plain("confirm_force_offline", ACTIONS + "force_offline&user_id={user_8}&next=/admin", **OWN)
plain("confirm_force_offline_on_call", ACTIONS + "force_offline&user_id={user_0}", **OWN)
plain("confirm_force_offline_without_script", ACTIONS + "force_offline&user_id={user_1}", options=PLAIN, **OWN)
plain("confirm_disconnect", ACTIONS + "disconnect&user_id={connected}", **OWN)
plain("confirm_sign_out", ACTIONS + "sign_out&user_id={user_5}", **OWN)
plain("confirm_end_call", ACTIONS + "end_call&call_id={call}", **OWN)
plain("confirm_add_tag", ACTIONS + "add_tag&user_id={user_8}&tag=" + "W" * 64, **OWN)
plain("confirm_which_tag", ACTIONS + "add_tag&user_id={user_9}", **OWN)
plain("confirm_which_tag_wrong", ACTIONS + "add_tag&user_id={user_3}&tag=" + "x" * 65, **OWN)
plain("confirm_which_tag_of_several", ACTIONS + "remove_tag&user_id={user_0}&user_id={user_9}", options=PLAIN, **OWN)


@state("confirm_clear_busy_now", ACTIONS + "clear_busy&user_id={busy}", place="confirm")
async def clear_busy_now(scene: Scene) -> None:
    """Somebody on a call is not to wait for its end."""
    await scene.page.get_by_label("Don't wait").check()


# What is asked for several.

plain("confirm_several", ACTIONS + "force_offline&{several}&picked=1&next=/admin/users", **OWN)
plain("confirm_several_tags", ACTIONS + "remove_tag&{several}&tag=دعم", **OWN)


@state("confirm_several_open", ACTIONS + "disconnect&user_id={connected}&{several}", place="confirm", options=PLAIN)
async def several_open(scene: Scene) -> None:
    """Those for whom there is nothing to do."""
    await scene.page.locator("summary").last.click()


# Accounts of users.

plain("confirm_disable_user", ACCOUNTS + "disable_user&user_id={user_0}", role="admin", **OWN)


@state("confirm_enable_user", "/admin/users", role="admin", place="confirm", is_alone=True)
async def enable_user(scene: Scene) -> None:
    """A user who was disabled."""
    (one,) = await scene.place.online("Farah")
    await open_action(scene, "disable_user", one, url=ACCOUNTS)
    await send(scene)
    await open_action(scene, "enable_user", one, url=ACCOUNTS)


@state("confirm_delete_user", ACCOUNTS + "delete_user&user_id={user_3}", role="admin", place="confirm")
async def delete_user(scene: Scene) -> None:
    """The name of the user was not typed as it is."""
    await scene.page.get_by_label("to confirm").fill("nobody")
    await send(scene)


@state("confirm_set_password", ACCOUNTS + "set_password&user_id={user_2}", role="admin", place="confirm")
async def set_password(scene: Scene) -> None:
    """The password is too short, and shown."""
    await scene.page.get_by_label("New password").fill("short")
    await send(scene)
    await scene.page.get_by_label("Show characters").check()


# What is refused.

plain("confirm_nothing_to_do", ACTIONS + "force_offline&user_id={user_3}", **OWN)
plain("confirm_nothing_to_do_for_several", ACTIONS + "force_offline&{nothing}", **OWN)
plain("confirm_unknown_user", ACTIONS + "force_offline&user_id=999999", **OWN)
plain("confirm_nobody_picked", ACTIONS + "force_offline&picked=1&next=/admin/users", options=PLAIN, **OWN)
plain("confirm_viewer", ACTIONS + "force_offline&user_id={user_8}", role="viewer", **OWN)


@state("confirm_no_reason", ACTIONS + "force_offline&user_id={user_5}", place="confirm")
async def no_reason(scene: Scene) -> None:
    """No reason was given."""
    await scene.page.get_by_label("Don't wait").check()
    await send(scene, "")


@state("confirm_wrong_reason", ACTIONS + "force_offline&{several}", place="confirm", options=PLAIN)
async def wrong_reason(scene: Scene) -> None:
    """The reason is too long."""
    await send(scene, "She asked on the phone. " * 9)


# What the next page says. Messages belong to a sign-in, so no other page may be opened at the same time.


@state("confirm_done", "/admin/users", place="confirm", options=PLAIN, is_alone=True)
async def done(scene: Scene) -> None:
    """A user was forced offline."""
    (one,) = await scene.place.online(LONG_NAMES[2][:50])
    await open_action(scene, "force_offline", one)
    await send(scene)


@state("confirm_waits", "/admin/users", place="confirm", options=PLAIN, is_alone=True)
async def waits(scene: Scene) -> None:
    """The action waits for the end of the call."""
    one, other = await scene.place.online("Greta", "Haruto")
    await call(one, other)
    await open_action(scene, "force_offline", one)
    await send(scene)


@state("confirm_refused", "/admin/users", place="confirm", options=PLAIN, is_alone=True)
async def refused(scene: Scene) -> None:
    """Another action waits for the end of the same call."""
    one, other = await scene.place.online("Inés", "Jing")
    await one.put("/users/me/status", {"is_busy": True})
    await call(one, other)
    await open_action(scene, "force_offline", one)
    await send(scene)
    await open_action(scene, "clear_busy", one)
    await send(scene)


@state("confirm_several_done", "/admin/users", place="confirm", options=PLAIN, is_alone=True)
async def several_done(scene: Scene) -> None:
    """Of several users, one is refused, one waits, and for one there is nothing to do."""
    people = await scene.place.online("Lior", "Emre", LONG_NAMES[4][:40], "Chidi", "Ada", "Dora")
    for each in people[:4]:
        await each.put("/users/me/status", {"is_busy": True})
    await call(people[0], people[4])
    await call(people[1], people[5])
    await open_action(scene, "force_offline", people[0])
    await send(scene)
    await open_action(scene, "clear_busy", *people, query="&next=/admin/users")
    await send(scene)
