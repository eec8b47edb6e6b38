"""User: the page of one user in every state, its actions and their dialogs. Days are in `user_day`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import expect

from models.audit import AuditEntry
from models.database import Database, open_database
from models.events import Event
from models.status import CurrentState, State
from models.stores import Stores
from models.user_documents import Evidence, NewUser
from tests.clients import Person, RawSocket, Socket
from tests.dashboard.crowds import LONG_NAMES, ONLINE_SETTINGS, TAGS
from tests.dashboard.site import Site, call
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

OF_ALL_KINDS = tuple(f"{tag} {number}"[-64:] for number in range(4) for tag in TAGS)
"""Twenty tags, as many as a user may have."""

DEVICES = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
    "AVeryLongNameOfAnAppThatNobodyShortened/12.10",
)
START = "/admin/password"
"""A page that is quick to load. From there, the state goes on to the page of a user whom it has made."""

WITHOUT_SCRIPTS = {"java_script_enabled": False}
MINUTE = timedelta(minutes=1)
SILENT_MS = 25_000
"""A socket that has been silent for so long is an issue. It is closed later, so that it can be photographed."""


@place("patient", **ONLINE_SETTINGS, grace_seconds=600.0)
async def furnish_patient(place: Place) -> None:
    """Users in states that servers leave behind, and with much to show."""
    async with place.site.stores():
        pass  # creates the data directory
    now = datetime.now(UTC)
    async with place.site.stores() as stores:

        async def add(id_name: str, username: str, state: State, reason: str, by: str = "", **more: Any) -> int:
            (user_id,) = await stores.users.create_many(
                [NewUser(username, None, None, **more)], now - 400 * 24 * 60 * MINUTE
            )
            since = now - 47 * MINUTE
            last_seen = since if state == "offline" else now - 3 * MINUTE
            current = CurrentState(state, since, reason, by)
            await stores.users.save_evidence([Evidence(user_id, state != "offline", last_seen, None, current)])
            if reason:
                event_id = f"{int(since.timestamp() * 1000):012x}{user_id:04x}"
                await stores.events.add_many([Event(event_id, since, state, user_id, username, reason, operator=by)])
            place.ids[id_name] = user_id
            return user_id

        await add("held", "Held Hannah", "available", "connected", tags=("marked",))
        await add("silent", "Silent Sven", "offline", "")
        await add("timed_out", "Timed-out Tim", "offline", "timed_out")
        await add("dropped", "Dropped Dana", "offline", "operator", by="maya of the night shift")
        await add("arabic", LONG_NAMES[3], "busy", "set", tags=TAGS[3:4])
        await add("wide", LONG_NAMES[1], "offline", "disconnected", tags=OF_ALL_KINDS)
        await add("foreign", "Foreign Fleur", "available", "connected", external_id="auth0|5f7c8ec7c33c6c004bbafe82")
        disabled = await add("disabled", "Disabled Dieter", "offline", "disabled", tags=("marked",))
        await stores.users.disable(disabled, now - 47 * MINUTE)
        forced = await add("forced", "Forced Fritz", "offline", "operator", by="maya")
        await _add_acts(stores, forced, "Forced Fritz", now)
        (place.ids["never"],) = await stores.users.create_many(
            [NewUser("Newcomer Nils", None, None)], now - 40 * MINUTE
        )
    async with opened_database(place.site) as database:
        users = database.collection("users")
        await users.update_one({"_id": forced}, {"$set": {"offline_set_at": now - 47 * MINUTE}})
        await users.update_one({"_id": place.ids["arabic"]}, {"$set": {"set_busy": True}})
    await place.site.start()


async def _add_acts(stores: Stores, user_id: int, name: str, now: datetime) -> None:
    """More actions than the page shows, with every outcome."""
    outcomes = ("done", "refused: STORE_UNAVAILABLE", "failed: SERVER_STOPPED", "superseded", "refused: NOTHING_TO_DO")
    actions = ("force_offline", "clear_busy", "add_tag", "set_password", "disconnect", "sign_out")
    for number in range(25):
        reason = (
            "asked by phone" if number % 3 else "The app was left open at home over the whole weekend, he says. " * 3
        )
        await stores.audit.begin(
            AuditEntry(
                f"act-{number}", now - 47 * MINUTE - number * 31 * 60 * MINUTE, ("maya", LONG_NAMES[4])[number % 2],
                actions[number % 6], f"user:{user_id}", name, "busy", "offline", reason, "192.0.2.1",
                outcomes[number % 5],
            )
        )  # fmt: skip


@place(
    "troubled",
    **ONLINE_SETTINGS,
    flapping_changes=4,
    flapping_seconds=600.0,
    ping_interval_seconds=16.0,
    pong_timeout_seconds=15.9,
    silent_socket_seconds=16.5,
    long_call_seconds=3600.0,
)
async def furnish_troubled(place: Place) -> None:
    """A server that finds issues soon."""
    await place.site.start()


@asynccontextmanager
async def opened_database(site: Site) -> AsyncIterator[Database]:
    """The store's collections, from outside the server."""
    database = await open_database(site.program.settings)
    try:
        yield database
    finally:
        await database.close()


async def show(scene: Scene, person: Person, query: str = "") -> None:
    """Open the page of a user, and wait until it is live."""
    await scene.page.goto(f"{scene.place.site.origin}/admin/users/{person.user_id}{query}")
    await expect(scene.live.chip).to_have_text("Live")


async def show_issue(scene: Scene, person: Person) -> None:
    """Open the page of a user whom an issue concerns."""
    await show(scene, person)
    await expect(scene.page.locator("#issues [data-key]:not(.gone)").first).to_be_visible(timeout=SILENT_MS)


async def open_dialog(scene: Scene, action: str) -> None:
    """Open the dialog of an action, and wait until it says what the action affects."""
    await scene.page.get_by_role("link", name=action).first.click()
    await expect(scene.live.dialog.locator("[data-f=effect]")).not_to_have_text("Checking what this affects…")


plain("user_held_after_a_restart", "/admin/users/{held}", place="patient")
plain("user_no_sign_of_life", "/admin/users/{silent}", place="patient", role="viewer")
plain("user_timed_out", "/admin/users/{timed_out}", place="patient")
plain("user_disconnected_by_an_operator", "/admin/users/{dropped}", place="patient")
plain("user_forced_offline", "/admin/users/{forced}", place="patient", height=2600)
plain("user_disabled", "/admin/users/{disabled}", place="patient", role="admin")
plain("user_never_online", "/admin/users/{never}", place="patient")
plain("user_of_another_program", "/admin/users/external:auth0%7C5f7c8ec7c33c6c004bbafe82", place="patient")
plain("user_right_to_left", "/admin/users/{arabic}", place="patient", role="admin")
plain("user_wide_with_many_tags", "/admin/users/{wide}", place="patient", height=3200)
plain("user_on_the_longest_call", "/admin/users/{longest}")
plain("user_without_javascript", "/admin/users/{longest}", role="admin", options=WITHOUT_SCRIPTS, height=2600)
plain("user_unknown", "/admin/users/999999")
plain("user_unknown_external_id", "/admin/users/external:nobody", role="viewer")
plain("user_malformed", "/admin/users/ada", role="viewer")


@state("user_connected", START, place="patient", role="admin")
async def connect_devices(scene: Scene) -> None:
    """Three sockets, of which one is on a device that gave no name."""
    (ada,) = await scene.place.online("Ada Quist")
    for device in (*DEVICES, ""):
        await Socket.open(scene.place.site.feed_url(ada), headers={"User-Agent": device})
    await show(scene, ada)


@state("user_heartbeat", START, place="patient", role="viewer")
async def beat(scene: Scene) -> None:
    """Available without a socket."""
    (ada,) = await scene.place.online("Ada Quist")
    await show(scene, ada)


@state("user_connection_lost", START, place="patient")
async def lose_connection(scene: Scene) -> None:
    """Available in the grace period."""
    ada = await scene.place.site.person(f"Ada Quist {secrets.token_hex(2)}")
    socket = await Socket.open(scene.place.site.feed_url(ada))
    await socket.settle()
    await socket.drop()
    await show(scene, ada)
    await expect(scene.page.locator("#status [data-f=because]")).to_contain_text("of grace left")


@state("user_set_offline", START, place="patient")
async def set_offline(scene: Scene) -> None:
    """Offline by the user's own choice."""
    (ada,) = await scene.place.online("Ada Quist")
    await ada.put("/users/me/status", {"is_online": False})
    await show(scene, ada)


@state("user_busy", START, place="patient")
async def be_busy(scene: Scene) -> None:
    """Busy without an end."""
    (ada,) = await scene.place.online("Ada Quist")
    await ada.put("/users/me/status", {"is_busy": True})
    await show(scene, ada)


@state("user_busy_until", START, place="patient", role="viewer")
async def be_busy_until(scene: Scene) -> None:
    """Busy until tomorrow."""
    (ada,) = await scene.place.online("Ada Quist")
    until = datetime.now(UTC) + timedelta(days=1)
    await ada.put("/users/me/status", {"is_busy": True, "busy_until": until.isoformat()})
    await show(scene, ada)


@state("user_with_pending_action", START, place="patient")
async def wait_for_the_end(scene: Scene) -> None:
    """On a call whose end an action waits for."""
    await _hold_call(scene)
    await open_dialog(scene, "Force offline…")
    await scene.live.confirm("shift over")
    await expect(scene.page.locator("[data-f=waiting]")).to_be_visible()


@state("user_deleted_meanwhile", START, place="patient", role="admin")
async def delete_user(scene: Scene) -> None:
    """The user was deleted while the page was open."""
    (ada,) = await scene.place.online("Ada Quist")
    await show(scene, ada)
    await open_dialog(scene, "Delete…")
    await scene.live.dialog.get_by_label("Name").fill(ada.username)
    await scene.live.confirm("left the company")
    await expect(scene.page.locator("[data-f=state]").first).to_have_text("Deleted")
    await scene.page.evaluate("() => scrollTo(0, 0)")


@state("user_with_new_action", START, place="patient")
async def act(scene: Scene) -> None:
    """After an action, which the page has not listed yet."""
    (ada,) = await scene.place.online("Ada Quist")
    await show(scene, ada)
    await open_dialog(scene, "Force offline…")
    await scene.live.confirm("shift over")
    await expect(scene.page.locator("#new-acts")).to_be_visible()


@state("user_with_held_changes", START, place="patient", frame="page")
async def hold_changes(scene: Scene) -> None:
    """The pointer is in the timeline while something happens."""
    (ada,) = await scene.place.online("Ada Quist")
    await show(scene, ada)
    await scene.page.locator("#timeline li").first.hover()
    await ada.put("/users/me/status", {"is_busy": True})
    await expect(scene.page.locator("#held")).to_be_visible()


@state("user_paused", START, place="patient")
async def pause(scene: Scene) -> None:
    """Paused while something happens."""
    (ada,) = await scene.place.online("Ada Quist")
    await show(scene, ada)
    await scene.page.keyboard.press("p")
    await ada.put("/users/me/status", {"is_busy": True})
    await expect(scene.live.chip).to_contain_text("waiting")


async def _hold_call(scene: Scene, caller: str = "Ada Quist") -> Person:
    ada, bob = await scene.place.online(caller, LONG_NAMES[0][:50])
    await call(ada, bob)
    await show(scene, ada)
    return ada


@state("user_force_offline", "/admin/users/{held}", place="patient")
async def ask_to_force_offline(scene: Scene) -> None:
    """The dialog of an action."""
    await open_dialog(scene, "Force offline…")


@state("user_force_offline_on_a_call", START, place="patient")
async def ask_to_force_offline_on_a_call(scene: Scene) -> None:
    """The dialog says what waits for the end of the call."""
    await _hold_call(scene)
    await open_dialog(scene, "Force offline…")


@state("user_force_offline_now", START, place="patient")
async def ask_to_force_offline_now(scene: Scene) -> None:
    """With the box ticked, the call ends now."""
    await _hold_call(scene)
    await open_dialog(scene, "Force offline…")
    await scene.live.dialog.get_by_label("Don't wait for the call to end").check()


@state("user_sign_out", "/admin/users/{wide}", place="patient")
async def ask_to_sign_out(scene: Scene) -> None:
    """The dialog for a user with a long name."""
    await open_dialog(scene, "Sign out everywhere…")


@state("user_disable", "/admin/users/{arabic}", place="patient", role="admin")
async def ask_to_disable(scene: Scene) -> None:
    """The dialog for an account."""
    await open_dialog(scene, "Disable…")


@state("user_enable", "/admin/users/{disabled}", place="patient", role="admin")
async def ask_to_enable(scene: Scene) -> None:
    """The dialog for a disabled account."""
    await open_dialog(scene, "Enable…")


@state("user_delete_wrong_name", "/admin/users/{arabic}", place="patient", role="admin")
async def delete_with_wrong_name(scene: Scene) -> None:
    """A wrong name was typed to confirm the deletion."""
    await open_dialog(scene, "Delete…")
    await scene.live.dialog.get_by_label("Reason").fill("left the company")
    await scene.live.dialog.get_by_label("Name").fill("somebody else")
    await scene.live.dialog.locator("[data-f=send]").click()
    await expect(scene.live.dialog.get_by_role("alert")).to_be_visible()


@state("user_set_password", "/admin/users/{held}", place="patient", role="admin")
async def ask_for_password(scene: Scene) -> None:
    """A password was typed and made readable."""
    await open_dialog(scene, "Set password…")
    await scene.live.dialog.get_by_label("New password").fill("correct horse battery")
    await scene.live.dialog.get_by_label("Show characters").check()


@state("user_set_password_refused", "/admin/accounts?action=set_password&user_id={held}", place="patient", role="admin")
async def send_short_password(scene: Scene) -> None:
    """The form of its own page, after a password that is too short."""
    await scene.page.get_by_label("Reason").fill("forgot it")
    password = scene.page.get_by_label("New password")
    await password.fill("short")
    await password.evaluate("(input) => input.removeAttribute('minlength')")
    await scene.page.get_by_role("button", name="Set password").click()
    await expect(scene.page.get_by_role("alert")).to_be_visible()


@state("user_delete_without_javascript", "/admin/accounts?action=delete_user&user_id={wide}", place="patient",
       role="admin", options=WITHOUT_SCRIPTS)  # fmt: skip
async def send_wrong_name(scene: Scene) -> None:
    """The form of its own page, after a wrong name."""
    await scene.page.get_by_label("Reason").fill("left the company")
    await scene.page.get_by_role("textbox", name="to confirm").fill("W")
    await scene.page.get_by_role("button", name="Delete user").click()


@state("user_add_tag", "/admin/users/{held}", place="patient")
async def ask_for_tag(scene: Scene) -> None:
    """The page that asks for a tag."""
    await scene.page.get_by_role("link", name="Add tag…").click()
    await scene.page.get_by_label("Tag").wait_for()


@state("user_add_tag_wrong", "/admin/users/{held}", place="patient")
async def send_wrong_tag(scene: Scene) -> None:
    """A tag that begins with a space."""
    await ask_for_tag(scene)
    await scene.page.get_by_label("Tag").fill("x" * 64)
    await scene.page.get_by_label("Tag").evaluate("(input) => { input.value = 'bad\\u202etag'; }")
    await scene.page.get_by_role("button", name="Continue…").click()


@state("user_remove_tag", "/admin/users/{wide}", place="patient")
async def ask_to_remove_tag(scene: Scene) -> None:
    """The dialog for a long tag."""
    await scene.page.locator("#tags").get_by_role("link", name="Remove…").nth(3).click()
    await expect(scene.live.dialog.locator("[data-f=effect]")).not_to_have_text("Checking what this affects…")


@state("user_issue_saved_as_busy", START, place="troubled")
async def be_busy_in_the_store(scene: Scene) -> None:
    """Busy in the store only."""
    (ada,) = await scene.place.online("Ada Quist")
    await scene.place.site.set_busy_in_store(ada)
    await show_issue(scene, ada)


@state("user_issue_busy_until_past", START, place="troubled", role="viewer")
async def be_busy_until_the_past(scene: Scene) -> None:
    """“Busy until” has passed."""
    (ada,) = await scene.place.online("Ada Quist")
    fields = {"set_busy": True, "busy_until": datetime.now(UTC) - timedelta(hours=1)}
    async with opened_database(scene.place.site) as database:
        await database.collection("users").update_one({"_id": ada.user_id}, {"$set": fields})
    await show_issue(scene, ada)


@state("user_issue_two_calls", START, place="troubled")
async def be_in_two_calls(scene: Scene) -> None:
    """In a long call, and in another one, with an offline participant."""
    ada, bob, cem = await scene.place.online("Ada Quist", "Bob Santos", "Cem Varga")
    await call(ada, bob)
    await bob.put("/users/me/status", {"is_online": False})
    document = {
        "_id": secrets.token_hex(12), "caller_id": ada.user_id, "callee_id": cem.user_id, "call_type": "audio",
        "status": "ongoing", "started_at": datetime.now(UTC) - timedelta(hours=3), "ended_at": None,
        "duration_seconds": None, "end_reason": None, "ended_by": None,
    }  # fmt: skip
    async with opened_database(scene.place.site) as database:
        await database.collection("calls").insert_one(document)
    await show_issue(scene, ada)
    await expect(scene.page.locator("#issues [data-key]:not(.gone)")).to_have_count(2)


@state("user_issue_silent_socket", START, place="troubled", role="viewer")
async def be_silent(scene: Scene) -> None:
    """A socket is silent."""
    (ada,) = await scene.place.online("Ada Quist")
    path = f"/ws/feed?token={ada.token}"
    socket, _ = await RawSocket.open(scene.place.site.program.port, path, User_Agent="iPhone")
    scene.place.ids.setdefault("sockets", []).append(socket)  # without a reference, it would be closed
    await show_issue(scene, ada)


@state("user_issue_flapping", START, place="troubled")
async def flap(scene: Scene) -> None:
    """Changed state often, and an operator is on it."""
    (ada,) = await scene.place.online("Ada Quist")
    for is_busy in (True, False, True, False, True):
        await ada.put("/users/me/status", {"is_busy": is_busy})
    await show_issue(scene, ada)
    await scene.page.get_by_role("button", name="I'm on it").click()
    await scene.page.get_by_role("button", name="10 min").click()
    await expect(scene.page.locator("#issues [data-f=acknowledged]")).to_be_visible()
    await scene.page.get_by_role("button", name="I'm on it").click()
