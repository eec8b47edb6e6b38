"""Names, pictures and reasons that contain markup: inert on every page, and in rows that change while open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from models.user_documents import NewUser
from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call, heartbeat

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

TURNING = "\u202egnp.exe <b>bold</b>"
"""By hand in the store, as an earlier version took it: the API refuses it."""

NAMES = [
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=2</script>",
    '"><svg onload=window.pwned=3>',
    "{{7*7}}${7*7}<%= 7*7 %>",
    "' onmouseover='window.pwned=4",
    "javascript:window.pwned=5//",
    TURNING,
    "&lt;i&gt; &amp; <i>",
]

PICTURES = [
    "javascript:window.pwned=6",
    "data:text/html,<script>window.pwned=7</script>",
    "http://127.0.0.1/plain.png",
    "//127.0.0.1/whose.png",
    "/admin/logout",
]
"""Written directly to the store, because the API rejects all of these."""

LOUD_PICTURE = 'https://127.0.0.1:65535/"onerror="window.pwned=8'

INSPECT = """() => ({
  pwned: window.pwned ?? 0,
  handlers: document.querySelectorAll("[onerror],[onload],[onmouseover],[onclick]").length,
  made: document.querySelectorAll("main b, main i, main iframe, main object, main script").length,
  inline: [...document.scripts].filter((script) => !script.src).length,
  pictures: [...document.images].map((image) => image.getAttribute("src")).filter(
    (address) => address !== null && !address.startsWith("https://")),
  links: [...document.links].map((link) => link.protocol).filter((protocol) => !protocol.startsWith("http")),
})"""

INERT = {"pwned": 0, "handlers": 0, "made": 0, "inline": 0, "pictures": [], "links": []}


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Users with such names, all online; some are on calls, and one operator has such a name, too."""
    return io_loop.run_sync(lambda: gather(site))


async def gather(site: Site) -> list[Person]:
    people = [await site.person(f"turning {number}" if name == TURNING else name) for number, name in enumerate(NAMES)]
    await site.program.stop()
    async with site.stores() as stores:
        for each in people:
            if each.username.startswith("turning"):
                each.username = TURNING
                await stores.users.save_profile(each.user_id, {"username": TURNING}, rev=0)
        for number, picture in enumerate(PICTURES):
            await stores.users.create(NewUser(f"picture {number}", None, picture), datetime.now(UTC))
    await site.program.start()
    for each in people:
        await heartbeat(each)
    answer = await people[0].patch("/users/me", {"profile_image_url": LOUD_PICTURE})
    assert answer.status == 200, answer.body
    await call(people[0], people[1])
    ended = await call(people[2], people[3])
    assert (await people[2].post("/calls/end", {"call_id": ended})).status == 200
    password = site.passwords["admin"]
    await site.program.command("operator", "add", NAMES[0], "--role", "operator", "--password-stdin", given=password)
    return people


def excuse_pictures(conduct: Conduct) -> None:
    """Allow requests for the pictures: their URLs are https, so they are harmless."""
    conduct.excuse(r"(asked elsewhere:|ERR_CONNECTION_REFUSED) https://127\.0\.0\.1:65535/")


async def inspect(page: Page) -> dict[str, object]:
    found: dict[str, object] = await page.evaluate(INSPECT)
    return found


async def test_every_page_prints_them_as_they_are(
    site: Site, people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    excuse_pictures(conduct)
    (ongoing,) = (await people[0].get("/calls/ongoing")).body["items"]
    page = await visit("/admin", "admin")
    async with site.stores() as stores:
        entries, _ = await stores.calls.page(state="ended", skip=0, limit=1)
    paths = [
        "/admin/users", "/admin/users?q=%3Cscript%3E", f"/admin/users/{people[0].user_id}", "/admin/calls",
        f"/admin/calls/{ongoing['call_id']}", f"/admin/calls/{entries[0].call_id}", "/admin/events", "/admin/audit",
        "/admin/operators", "/admin/wall", f"/admin/actions?action=force_offline&user_id={people[6].user_id}",
        "/admin/users?q=%22%3E%3Csvg+onload%3Dwindow.pwned%3D9%3E", "/admin/events?user=%3Cb%3Enobody",
    ]  # fmt: skip
    for path in paths:
        await page.goto(site.origin + path)
        assert (path, await inspect(page)) == (path, INERT)
    await page.goto(f"{site.origin}/admin/users")
    for person in people:
        await expect(page.locator("main").get_by_role("link", name=person.username, exact=True)).to_be_visible()


async def test_rows_that_change_while_one_looks_print_them_as_they_are(
    people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    excuse_pictures(conduct)
    live = await Live(await visit()).ready()
    for person in people[4:]:
        assert (await person.put("/users/me/status", {"is_busy": True})).status == 200
        await expect(live.cell(person, "state")).to_have_text("Busy")
        await expect(live.cell(person, "name")).to_have_text(person.username)
    await expect(live.page.locator("#events")).to_contain_text(f"{people[7].username} is busy")
    call_id = await call(people[2], people[3])
    await expect(live.call(call_id)).to_contain_text(people[2].username)
    await expect(live.cell(people[2], "because")).to_contain_text(people[3].username)
    assert (await people[3].patch("/users/me", {"username": "<script>pwned=10</script>"})).status == 200
    await expect(live.cell(people[3], "name")).to_have_text("<script>pwned=10</script>")
    assert (await people[3].patch("/users/me", {"username": NAMES[3]})).status == 200
    await live.search.fill("<img")
    await expect(live.rows).to_have_count(1)
    await live.choose(people[0], "Force offline")
    await expect(live.dialog.get_by_role("heading")).to_have_text(f"Force offline: {people[0].username}")
    await expect(live.dialog.locator("[data-f=hits]")).to_contain_text(people[1].username)
    assert await inspect(live.page) == INERT
    assert (await people[2].post("/calls/end", {"call_id": call_id})).status == 200


async def test_a_reason_that_is_markup_is_kept_and_printed_as_it_is(
    site: Site, people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    excuse_pictures(conduct)
    reason = "<script>window.pwned=11</script>{{7*7}}"
    live = await Live(await visit()).ready()
    await live.choose(people[5], "Force offline")
    await live.confirm(reason)
    for path in ("/admin/audit", f"/admin/users/{people[5].user_id}"):
        await live.page.goto(site.origin + path)
        await expect(live.page.locator("main")).to_contain_text(reason)
        assert await inspect(live.page) == INERT


async def test_a_picture_that_is_not_of_https_is_not_shown(
    people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    excuse_pictures(conduct)
    live = await Live(await visit("/admin?q=picture")).ready()
    await expect(live.rows).to_have_count(len(PICTURES))
    await expect(live.rows.locator("img[src]")).to_have_count(0)
    await expect(live.rows.locator("img:visible")).to_have_count(0)


async def test_a_name_that_turns_the_direction_of_writing_moves_nothing_beside_it(
    people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    excuse_pictures(conduct)
    live = await Live(await visit()).ready()
    places = [
        await live.cell(person, part).evaluate("(part) => Math.round(part.getBoundingClientRect().left)")
        for part in ("state", "since", "because", "more")
        for person in (people[6], people[7])
    ]
    assert places[0::2] == places[1::2]
