"""Times: an operator chooses the zone, with and without scripts, and each page names it once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from models.events import Event
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

PAGES = ("/admin", "/admin/wall", "/admin/users", "/admin/calls", "/admin/events", "/admin/audit")


def zones(page: str) -> list[str]:
    """Return the names of the zone on a page."""
    return re.findall(r"data-zone-name>([^<]+)<", page)


async def choose(browser: Browser, referer: str = "/admin/users?q=ada", **fields: str) -> str:
    """Submit the form of the account menu and return where it leads."""
    answer = await browser.post("/admin/time-zone", fields, headers={"Referer": browser.base_url + referer})
    assert answer.status == 303, answer.body
    return answer.headers["Location"]


@pytest.mark.parametrize("path", PAGES)
async def test_each_page_names_its_zone_once(signed_in: SignedIn, path: str) -> None:
    browser = await signed_in("viewer")
    assert zones((await browser.get(path)).body) == ["UTC"]
    await choose(browser, zone="other", other="Asia/Kathmandu")
    assert zones((await browser.get(path)).body) == ["Asia/Kathmandu"]


async def test_times_are_in_the_chosen_zone_and_dated_unless_they_are_todays(
    server: RunningServer, signed_in: SignedIn
) -> None:
    now = datetime.now(UTC)
    moments = (now, now - timedelta(days=3), now.replace(year=now.year - 1, day=1))
    await server.stores.events.add_many(
        [
            Event(f"{int(at.timestamp() * 1000):012x}0000", at, "busy", number, "ada", "set_busy")
            for number, at in enumerate(moments, 1)
        ]
    )
    browser = await signed_in("viewer")
    for zone, offset in (("UTC", timedelta()), ("Etc/GMT-14", timedelta(hours=14))):
        assert await choose(browser, zone=zone) == "/admin/users?q=ada"
        page = (await browser.get("/admin/events")).body.partition("<tbody")[2]
        shown = re.findall(r'<time class="local" datetime="[^"]+" title="[^"]+Z">([^<]+)</time>', page)
        local = [at + offset for at in moments]
        assert shown == [
            f"{local[0]:%H:%M:%S}",
            (f"{local[1].day} {local[1]:%b, %H:%M:%S}" if local[1].year == local[0].year else shown[1]),
            f"{local[2].day} {local[2]:%b %Y, %H:%M:%S}",
        ]


async def test_without_a_choice_the_zone_is_the_browsers_as_a_script_told_it(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    browser.cookies["rollcall_browser_zone"] = "America/Lima"
    assert zones((await browser.get("/admin/users")).body) == ["America/Lima"]
    await choose(browser, zone="UTC")
    page = (await browser.get("/admin/users")).body
    assert zones(page) == ["UTC"]
    assert 'data-zone="UTC"' in page
    await choose(browser, zone="browser")
    page = (await browser.get("/admin/users")).body
    assert zones(page) == ["America/Lima"]
    assert 'data-zone=""' in page


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "<script>"])
async def test_a_zone_that_does_not_exist_is_refused_with_an_example(signed_in: SignedIn, zone: str) -> None:
    browser = await signed_in("viewer")
    await choose(browser, zone="UTC")
    before = browser.cookies["rollcall_zone"]
    fields = {"zone": "other", "other": zone}
    assert await choose(browser, "//elsewhere.example/admin", **fields) == "/admin"
    if zone:
        assert "Give a name such as Europe/Berlin" in (await browser.get("/admin/users")).body
        assert browser.cookies["rollcall_zone"] == before


async def test_a_cookie_that_names_no_zone_is_ignored(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    browser.cookies |= {"rollcall_zone": "x><script>", "rollcall_browser_zone": "../x"}
    page = (await browser.get("/admin/users")).body
    assert zones(page) == ["UTC"]
    assert 'data-zone=""' in page
