"""The ten tasks of a shift, done as a person does them, with as many clicks and key presses as the guide says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, Page, expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.hands import IS_FOR_GUIDE, PICTURES, Hands, take_picture
from tests.dashboard.live import Live
from tests.dashboard.shift import ASKED_ABOUT, SETTINGS, Team, begin_shift, yesterday
from tests.dashboard.site import QUICK, Site
from tests.program import MakeProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

GUIDE = PICTURES / "dashboard.md"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TASK = re.compile(r"^\| (\d+[a-d]?) \|.*\| (\d+) \| (\d+) \| \d+ \|$", re.MULTILINE)
"""A row of the guide's table: the task, its steps, clicks, keys and seconds."""


@pytest.fixture(scope="module")
def site(programs: MakeProgram, secrets_seen: SecretsSeen) -> Site:
    """The server of this module, which `team` starts."""
    return Site(programs(**{**QUICK, **SETTINGS}), secrets_seen)


@pytest.fixture(scope="module")
def begun(io_loop: IOLoop, site: Site) -> Team:
    """A team at work."""
    return io_loop.run_sync(lambda: begin_shift(site))


@pytest.fixture
def team(io_loop: IOLoop, begun: Team) -> Iterator[Team]:
    """The team, in the same state before each task."""
    yield begun
    io_loop.run_sync(begun.come_back)


def told() -> dict[str, tuple[int, int]]:
    """Return the clicks and key presses of each task in the guide."""
    return {task: (int(clicks), int(keys)) for task, clicks, keys in TASK.findall(GUIDE.read_text(encoding="utf-8"))}


def is_as_the_guide_says(task: str, hands: Hands) -> None:
    """Fail unless the guide says how many clicks and key presses the task took."""
    if IS_FOR_GUIDE:
        print(f"task {task}: {hands.clicks} clicks, {hands.keys} keys, {hands.seconds:.1f} s")
    assert hands.counts == told()[task]


async def state_of(person: Person) -> tuple[bool, bool]:
    """Return (online, busy) as everyone sees it."""
    answer = (await person.get("/users/me/status")).body
    return answer["is_online"], answer["is_busy"]


async def at_live(visit: Visit, name: str = "operator") -> tuple[Live, Hands]:
    live = await Live(await visit(name=name, timezone_id="UTC", color_scheme="light")).ready()
    return live, Hands(live.page)


async def sent(live: Live) -> Locator:
    """Return the button that confirms, once the dialog shows what is affected."""
    button = live.dialog.locator("[data-f=send]")
    await expect(button).to_be_enabled()
    return button


def stuck_calls(page: Page) -> Locator:
    return page.locator('#attention [data-rows] > [data-key^="long_call:"]:not(.gone)')


async def only_the_available_are_listed(live: Live) -> None:
    available = await live.figure("available").inner_text()
    await expect(live.page.locator("[data-users=count]")).to_have_text(re.compile(rf"^{available} of "))
    assert {state for (state,) in await live.listed("state")} == {"Available"}


async def sent_for(live: Live, names: list[str]) -> Locator:
    """Return the button that confirms an action for these users."""
    button = await sent(live)
    await expect(live.dialog.locator("[data-f=names] li")).to_have_text(names)
    return button


async def count_of(live: Live, figure: str) -> int:
    return int(await live.figure(figure).inner_text())


def test_the_guide_has_these_tasks_and_pictures_that_load_quickly() -> None:
    assert [*told()] == [*"123456789", "10", "10b", "10c", "10d"]
    pictures = re.findall(r"\]\((shift-.+\.png)\)", GUIDE.read_text(encoding="utf-8"))
    assert sorted(pictures) == sorted(path.name for path in PICTURES.glob("shift-*.png"))
    assert [name for name in pictures if (PICTURES / name).stat().st_size > 120 * 1024] == []


async def test_1_who_can_take_a_call_now(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    await hands.click(live.page.locator("[data-figure=available]"))
    await only_the_available_are_listed(live)
    is_as_the_guide_says("1", hands)


async def test_2_a_leftover_busy_mark_is_cleared(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    greta = team.people["Greta Hoffmann"]
    await hands.click(live.search)
    await hands.type("gre")
    await expect(live.rows).to_have_count(1)
    await hands.click(live.cell(greta, "more"))
    await hands.click(live.menu.get_by_role("button", name="Clear busy"))
    await hands.type("she asked")
    await hands.click(await sent(live))
    await expect(live.cell(greta, "state")).to_have_text("Available")
    is_as_the_guide_says("2", hands)
    assert await state_of(greta) == (True, False)


async def test_3_a_call_that_is_stuck_for_two_hours_is_ended(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    stuck = stuck_calls(live.page)
    before = await stuck.count()
    await hands.click(stuck.first.get_by_role("button", name="End call"))
    send = await sent(live)
    await take_picture("end-call", live.page, clip={"x": 490, "y": 165, "width": 720, "height": 450})
    await hands.click(send)
    await expect(stuck).to_have_count(before - 1)
    is_as_the_guide_says("3", hands)


async def test_4_five_are_forced_offline(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    before = await count_of(live, "offline")
    await hands.click(live.page.locator("[data-figure=available]"))
    await only_the_available_are_listed(live)
    five = (await live.listed())[:5]
    for name in five:
        await hands.click(live.page.get_by_role("checkbox", name=f"Pick {name}"))
    await take_picture("pick-five", live.page.locator("#users"))
    await hands.click(live.page.get_by_role("button", name="Force offline 5 users…"))
    await hands.type("shift over")
    send = await sent_for(live, five)
    await hands.click(send)
    await expect(live.figure("offline")).to_have_text(str(before + 5))
    is_as_the_guide_says("4", hands)


async def test_5_what_somebody_did_at_five_past_two_yesterday(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    page = live.page
    await hands.click(live.search)
    await hands.type("zof")
    await expect(live.rows).to_have_count(1)
    await hands.click(page.get_by_role("link", name=ASKED_ABOUT))
    await hands.click(page.get_by_role("link", name="Previous day"))
    await expect(page.locator("#day")).to_contain_text(f"{yesterday():%A}")
    strip = page.locator("[data-strip]")
    width: float = await strip.evaluate("(strip) => strip.clientWidth")
    await hands.point(strip, position={"x": width * (14 + 5 / 60) / 24, "y": 30})
    readout = page.locator("[data-readout]")
    await expect(readout).to_have_text(re.compile(r"14:00:00 – .*14:20:00 · Busy: set busy · 20 min$"))
    await take_picture("day", page.locator(".day-card"))
    is_as_the_guide_says("5", hands)


async def test_6_who_did_what(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    await hands.click(live.page.get_by_role("link", name="Audit log"))
    row = live.page.get_by_role("row", name=ASKED_ABOUT)
    await expect(row).to_contain_text(re.compile("second.*Force offline.*went home without signing out", re.DOTALL))
    is_as_the_guide_says("6", hands)


async def test_7_a_new_viewer_signs_in(team: Team, site: Site, secrets_seen: SecretsSeen, visit: Visit) -> None:
    live, hands = await at_live(visit, "admin")
    password = "correct horse"
    secrets_seen.note(password)
    await hands.click(live.page.get_by_role("link", name="Operators"))
    await hands.click(live.page.get_by_label("Name", exact=True))
    await hands.type("ines")
    await hands.press("Tab")
    await hands.type(password)
    await hands.press("Enter")
    await expect(live.page.get_by_role("row", name="ines").get_by_role("combobox")).to_have_value("viewer")
    is_as_the_guide_says("7", hands)
    site.passwords["ines"] = password
    theirs = await Live(await visit(name="ines", fresh=True)).ready()
    await expect(theirs.page.locator("[data-acts]:visible")).to_have_count(0)


async def test_8_a_user_is_followed_on_a_phone(team: Team, visit: Visit) -> None:
    live = await Live(await visit(timezone_id="UTC", color_scheme="light", **PHONE)).ready()
    hands = Hands(live.page)
    greta = team.people["Greta Hoffmann"]
    await hands.tap(live.page.locator("[data-figure=busy]"))
    await expect(live.row(greta)).to_be_in_viewport()
    await take_picture("phone", live.page)
    await hands.tap(live.cell(greta, "name"))
    state = live.page.locator("#status [data-f=state]")
    await expect(state).to_have_text("Busy")
    is_as_the_guide_says("8", hands)
    assert (await greta.put("/users/me/status", {"is_busy": False})).status == 200
    await expect(state).to_have_text("Available")


async def test_9_the_wall_is_on_a_screen(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit, "admin")
    page = live.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await hands.click(page.locator("button.account"))
    await hands.click(page.get_by_role("link", name="Screens"))
    await hands.click(page.get_by_label(re.compile("^Name Where")))
    await hands.type("Lobby")
    await hands.press("Enter")
    await hands.click(page.get_by_role("button", name="Copy link"))
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = await page.evaluate("() => navigator.clipboard.readText()")
    screen = await visit("/admin/login", "", color_scheme="light", viewport={"width": 1280, "height": 720})
    await hands.open_in(screen, link)
    await expect(screen.locator("html")).to_have_attribute("data-feed", "live")
    await take_picture("wall", screen)
    await hands.press("f")
    await screen.wait_for_function("() => document.fullscreenElement !== null")
    is_as_the_guide_says("9", hands)


async def test_10_who_can_take_a_call_by_keyboard(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    await hands.press("Tab", "Enter")
    await hands.press("Tab", "Enter")
    await only_the_available_are_listed(live)
    is_as_the_guide_says("10", hands)


async def test_10_a_leftover_busy_mark_by_keyboard(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    greta = team.people["Greta Hoffmann"]
    await hands.press("/")
    await hands.type("gre")
    await expect(live.rows).to_have_count(1)
    await hands.press("Enter", "a")
    await expect(live.menu.locator(".item").first).to_be_focused()
    await hands.press("ArrowDown", "ArrowDown")
    await expect(live.menu.get_by_role("button", name="Clear busy")).to_be_focused()
    await hands.press("Enter")
    await sent(live)
    await hands.type("she asked")
    await hands.press("Enter")
    await expect(live.cell(greta, "state")).to_have_text("Available")
    await expect(live.cell(greta, "name")).to_be_focused()
    is_as_the_guide_says("10b", hands)


async def test_10_a_stuck_call_by_keyboard(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    stuck = stuck_calls(live.page)
    before = await stuck.count()
    await hands.press("n")
    await expect(stuck.first.locator("[data-f=who]")).to_be_focused()
    await hands.press("a")
    await sent(live)
    await hands.press("Enter")
    await expect(stuck).to_have_count(before - 1)
    is_as_the_guide_says("10c", hands)


async def test_10_five_are_forced_offline_by_keyboard(team: Team, visit: Visit) -> None:
    live, hands = await at_live(visit)
    before = await count_of(live, "offline")
    await hands.press("Tab", "Enter")
    await hands.press("Tab", "Enter")
    await only_the_available_are_listed(live)
    five = (await live.listed())[:5]
    await hands.press("j", "Space", *["Shift+ArrowDown"] * 4)
    await expect(live.page.locator("[data-pick=count]")).to_have_text("5 picked")
    await hands.press("a")
    await expect(live.page.get_by_role("button", name="Force offline 5 users…")).to_be_focused()
    await hands.press("Enter")
    await hands.type("shift over")
    await sent_for(live, five)
    await hands.press("Enter")
    await expect(live.figure("offline")).to_have_text(str(before + 5))
    is_as_the_guide_says("10d", hands)
