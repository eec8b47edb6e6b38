"""Errors: pages for what the server refuses or fails to do, and the way back from each."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, Route

from tests.dashboard.crowds import ONLINE_SETTINGS
from tests.mongo import MongoServer, find_mongo
from tests.program import ROOT
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

WITHOUT_SCRIPT = {"java_script_enabled": False}

TWO_WIDTHS = (390, 1440)
"""For pages that differ from others in a sentence only."""

SEND_FORM = """([action, fields]) => {
  const form = document.body.appendChild(document.createElement("form"));
  Object.assign(form, { method: "post", action });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  form.submit();
}"""


@place("strict", **{**ONLINE_SETTINGS, "refused_action_burst": 1, "refused_actions_per_second": 0.001})
async def furnish_strict(place: Place) -> None:
    """A server that refuses an operator's second attempt to do what the role does not allow."""
    await place.site.start()


@place("damaged")
async def furnish_damaged(place: Place) -> None:
    """A server that has lost a part of a page."""
    program = place.site.program
    program.root = await asyncio.to_thread(copy_without_statistics, Path(program.settings.data_dir).parent / "program")
    await place.site.start()


def copy_without_statistics(folder: Path) -> Path:
    """Copy the program, but not the numbers of Calls."""
    left_out = shutil.ignore_patterns(".*", "tests", "benchmarks", "data", "__pycache__", "_statistics.html")
    return shutil.copytree(ROOT, folder, ignore=left_out)


MONGO: list[MongoServer] = []
"""The MongoDB that states may pause."""


def started_mongo(at_end: AsyncExitStack) -> str:
    """Start a MongoDB, and return its URL."""
    MONGO.append(MongoServer(find_mongo(to_kill=True), Path(tempfile.mkdtemp(prefix="rollcall-mongo-"))))
    MONGO[-1].start()
    at_end.callback(MONGO[-1].stop)
    return MONGO[-1].url


@place("outage", mongodb_url=started_mongo, mongodb_database="rollcall")
async def furnish_outage(place: Place) -> None:
    """A server whose MongoDB may be paused."""
    await place.site.start()


@place("locked", **{**ONLINE_SETTINGS, "store_deadline_seconds": 0.5, "inspect_interval_seconds": 0.6})
async def furnish_locked(place: Place) -> None:
    """A server whose store another program may lock."""
    await place.site.start()


@place("leaving", drain_seconds=8.0)
async def furnish_leaving(place: Place) -> None:
    """A server that takes seconds to stop."""
    await place.site.start()


async def xsrf(page: Page) -> str:
    """Return the token that the page's forms have."""
    return await page.locator("input[name=_xsrf]").first.get_attribute("value") or ""


async def send(scene: Scene, path: str, **fields: str) -> None:
    """Send a form, and wait for the page that follows. Without a token of its own, it has that of the page."""
    fields = {"_xsrf": await xsrf(scene.page), **fields}
    async with scene.page.expect_navigation():
        await scene.page.evaluate(SEND_FORM, [path, fields])


# What the server does not understand.

for name, path in (
    ("choice", "/admin/users?status=asleep"),
    ("page", "/admin/users?page=0"),
    ("time", "/admin/events?from=yesterday+evening"),
    ("zone", "/admin/calls?from=2026-11-26T14:05&zone=Mars/Olympus"),
    ("range", "/admin/audit?from=2026-11-27T10:00&to=2026-11-26T10:00"),
    ("day", "/admin/users/{longest}?day=tomorrow"),
    ("bytes", "/admin/users/%ff"),
    ("board", "/admin/board?at=noon"),
    ("nobody_picked", "/admin/actions?action=sign_out"),
):
    plain(f"error_400_{name}", path, widths=TWO_WIDTHS)
plain("error_400_without_javascript", "/admin/calls?state=lost", options=WITHOUT_SCRIPT)


@state("error_400_form", "/admin/audit")
async def send_unknown_zone(scene: Scene) -> None:
    await send(scene, "/admin/time-zone", zone="Mars/Olympus")


# Who may not.


@state("error_401_form", "/admin/login", role="")
async def send_without_sign_in(scene: Scene) -> None:
    await send(scene, "/admin/logout")


plain("error_403_page", "/admin/system", role="viewer")
plain("error_403_page_of_operator", "/admin/operators")


@state("error_403_form", "/admin/audit", role="viewer")
async def send_as_viewer(scene: Scene) -> None:
    await send(scene, "/admin/actions", action="disconnect", user_id="1", reason="she asked", request_id="1" * 32)


@state("error_403_stale_form", "/admin/users?q=ada", role="admin")
async def send_stale_form(scene: Scene) -> None:
    await scene.page.context.clear_cookies(name="_xsrf")
    await send(scene, "/admin/time-zone", zone="UTC")


@state("error_403_stale_form_signed_out", "/admin/login", role="")
async def send_stale_sign_in(scene: Scene) -> None:
    await scene.page.context.clear_cookies()
    await send(scene, "/admin/login", name="maya", password="wrong")


@state("error_403_other_origin", "/admin/audit")
async def send_from_elsewhere(scene: Scene) -> None:
    action = f"{scene.place.site.origin}/admin/logout"
    async with scene.page.expect_navigation(url=action):
        await scene.page.goto("data:text/html,<form method=post action=" + action + "><button>Go</button></form>")
        await scene.page.get_by_role("button").click()


# What there is not.

plain("error_404_url", "/admin/nothing")
plain("error_404_user", "/admin/users/999999")
plain("error_404_user_by_name", "/admin/users/ada")
plain("error_404_call", "/admin/calls/none")
plain("error_404_operator", "/admin/operators/999?change=disable", role="admin")
plain("error_404_screen", "/admin/screens/999?change=revoke", role="admin")
plain("error_404_signed_out", "/admin/users/999999", role="")
plain("error_404_without_javascript", "/admin/users/999999", options=WITHOUT_SCRIPT)


@state("error_404_issue", "/admin/audit")
async def send_ended_issue(scene: Scene) -> None:
    await send(scene, "/admin/attention", issue="stuck:1", minutes="10")


# What cannot be done.

plain("error_405", "/admin/attention")
plain("error_405_signed_out", "/admin/logout", role="")


@state("error_409", "/admin/users")
async def ask_for_nothing(scene: Scene) -> None:
    (ada,) = await scene.place.site.online("Ada Without Connections " + str(scene.page.viewport_size["width"]))  # type: ignore[index]
    await scene.page.goto(
        f"{scene.place.site.origin}/admin/actions?action=disconnect&user_id={ada.user_id}",
        referer=f"{scene.place.site.origin}/admin/users/{ada.user_id}",
    )


@state("error_413", "/admin/audit")
async def send_too_much(scene: Scene) -> None:
    await send(scene, "/admin/actions", reason="x" * 70_000)


@state("error_413_chunked", "/admin/audit")
async def send_too_many_chunks(scene: Scene) -> None:
    async def answer(route: Route) -> None:
        head, body = await chunked_answer(scene.place.site.program.port, "/admin/actions")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        await route.fulfill(status=int(head.split()[1]), headers=headers, body=body)

    await scene.page.route("**/admin/actions", answer)
    await send(scene, "/admin/actions", reason="x")


async def chunked_answer(port: int, path: str) -> tuple[str, bytes]:
    """Send a form in chunks, which browsers don't, until it is too large. Return the answer's head and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + (b"20000\r\n" + b"x" * 0x20000 + b"\r\n") * 4)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip()
    body = await reader.read(100_000)
    writer.close()
    return answer, body


@state("error_429_action", "/admin/audit", role="viewer", place="strict")
async def send_too_often(scene: Scene) -> None:
    for _ in range(2):
        await scene.page.goto(f"{scene.place.site.origin}/admin/audit")
        await send_as_viewer(scene)


@state("error_429_sign_in", "/admin/login", role="", place="strict")
async def guess_too_often(scene: Scene) -> None:
    for _ in range(6):
        await scene.page.get_by_label("Operator").fill("noor")
        await scene.page.get_by_label("Password").fill("a guess")
        async with scene.page.expect_navigation():
            await scene.page.get_by_role("button", name="Sign in").click()


# What the server fails to do.

plain("error_500", "/admin/calls", place="damaged")
plain("error_500_without_javascript", "/admin/calls", place="damaged", options=WITHOUT_SCRIPT)


@asynccontextmanager
async def locked_store(scene: Scene) -> AsyncIterator[None]:
    """Lock the store as another program would, until the server no longer tries."""
    path = Path(scene.place.site.program.settings.data_dir) / "rollcall.db"
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(20):
            while (await scene.place.site.program.api.get("/readyz")).status == 200:
                await asyncio.sleep(0.1)
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
        async with asyncio.timeout(30):
            while (await scene.place.site.program.api.get("/readyz")).status != 200:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def paused_store() -> AsyncIterator[None]:
    """Pause MongoDB, so that nothing can be read either."""
    MONGO[-1].pause()
    try:
        yield
    finally:
        MONGO[-1].resume()


@state("error_503_store", "/admin/events?kind=busy", place="outage", is_alone=True)
async def reload_without_store(scene: Scene) -> None:
    async with paused_store():
        await scene.page.reload()


@state("error_503_store_form", "/admin/events", place="outage", is_alone=True)
async def send_without_store(scene: Scene) -> None:
    async with paused_store():
        await send(scene, "/admin/time-zone", zone="UTC")


@state("error_503_store_sign_in", "/admin/login", role="", place="locked", is_alone=True)
async def sign_in_without_store(scene: Scene) -> None:
    async with locked_store(scene):
        await send(scene, "/admin/login", name="maya", password="a guess")


@state("error_503_draining", "/admin/events", place="leaving", is_alone=True)
async def reload_while_draining(scene: Scene) -> None:
    program = scene.place.site.program
    _, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")  # the body never comes
    await writer.drain()
    await scene.page.reload()
    program.terminate()
    try:
        await asyncio.sleep(0.3)
        await scene.page.reload()
    finally:
        writer.close()
        with contextlib.suppress(TimeoutError):
            await program.ended()
        await program.start()
