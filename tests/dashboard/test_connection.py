"""Every state of the connection, with a server that really is silent, killed, restarted, drained or updated."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call, heartbeat
from tests.program import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

LOST = "WebSocket connection to .* failed"
"""What the browser itself logs when the server is gone."""

NO_MORE_UPDATES = r"No update for 6 s\. Figures are from (\d\d:\d\d:\d\d); timers are stopped\."


async def test_a_page_that_is_told_something_each_second_is_live(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("live ada")
    live = await Live(await visit()).ready()
    chip = await live.record("chip", "[data-banner=chip]")
    # Longer than the time without a message after which a page is stale.
    await expect(live.cell(ada, "since")).to_have_text(re.compile("00:0[5-9]"))
    assert await chip.texts() == ["Live"]
    await expect(live.banner).to_be_hidden()


async def test_a_silent_socket_makes_the_page_stale_and_it_says_of_when_its_figures_are(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("stale")
    page = await visit("/admin/audit", timezone_id="UTC")
    await page.clock.install()
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await expect(live.row(ada)).to_be_visible()
    said = await live.record("banner", "[data-banner=text]")
    await page.context.set_offline(True)
    last = await page.evaluate("() => Date.now()")
    await page.clock.fast_forward(3_500)
    sentence = await said.says(NO_MORE_UPDATES)
    found = re.fullmatch(NO_MORE_UPDATES, sentence)
    assert found is not None
    of = await page.evaluate(
        "(last) => [last - 1500, last - 500, last].map((at) => new Date(at).toISOString().slice(11, 19))", last
    )
    assert found.group(1) in of
    await expect(live.chip).to_have_text("No update")


async def test_on_a_stale_page_nothing_can_be_done_and_nothing_runs(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("frozen ada", "frozen bob")
    call_id = await call(ada, bob)
    live = await Live(await visit()).ready()
    await expect(live.call(call_id)).to_be_visible()
    await live.page.context.set_offline(True)
    await expect(live.chip).to_have_text("No update")
    acting = live.page.locator("[data-acts]")
    assert await acting.count() > 10
    assert await acting.evaluate_all("(buttons) => buttons.filter((button) => !button.disabled).length") == 0
    assert await live.page.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "grayscale(1)"
    timer = await live.record("timer", f'[data-key="{call_id}"] [data-f=timer]')
    waited = await live.record("banner", "[data-banner=text]")
    await waited.says("No update for 5 s.*")
    assert len(await timer.texts()) == 1

    await live.page.context.set_offline(False)
    await expect(live.chip).to_have_text("Live")
    await expect(live.cell(ada, "more")).to_be_enabled()
    await expect(live.banner).to_be_hidden()


async def test_a_page_whose_server_was_killed_says_when_it_tries_again(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse(LOST)
    live = Live(await visit())
    await live.ready()
    said = await live.record("banner", "[data-banner=text]")
    site.program.kill()
    sentence = await said.says(
        r"Connection lost\. Trying again in [1-4] s\. Figures are from \d\d:\d\d:\d\d; timers are stopped\.",
        seconds=20,
    )
    assert sentence.startswith("Connection lost")
    await expect(live.chip).to_have_text("Connection lost")
    await expect(live.page.get_by_role("button", name="Retry now")).to_be_visible()
    await site.program.start()
    await expect(live.chip).to_have_text("Live")


async def test_the_way_back_is_said_once_and_the_line_has_a_gap(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse(LOST)
    page = await visit()
    live = await Live(page).ready()
    line = page.locator("[data-chart=available]")
    await expect(line).to_have_attribute("d", re.compile("M.*L"))
    pieces = (await line.get_attribute("d") or "").count("M")
    toast = await live.record("toast", "[data-banner=toast]")
    said = await live.record("said", "[data-banner=announcement]")
    site.program.kill()
    await expect(live.chip).to_have_text("Connection lost")
    await site.program.start()
    await live.retry()
    await expect(live.chip).to_have_text("Live")
    await expect(line).to_have_attribute("d", re.compile(f"(M[^M]*){{{pieces + 1}}}"))
    assert [text for text in await toast.texts() if text] == ["Reconnected. The figures are live again."]
    assert len([text for text in await said.texts() if text]) == 1  # it announced the lost connection
    await expect(live.banner).to_be_hidden()


async def test_who_signs_out_in_one_tab_is_signed_out_in_all(site: Site, visit: Visit) -> None:
    live = await Live(await visit(name="second", fresh=True)).ready()
    other = await live.page.context.new_page()
    await site.sign_out(other)
    await expect(live.chip).to_have_text("Signed out")
    await expect(live.banner).to_contain_text("You are signed out. Figures are from")
    await expect(live.page.get_by_role("link", name="Sign in")).to_have_attribute("href", re.compile("^/admin/login"))
    await expect(live.page.locator("[data-acts]:enabled")).to_have_count(0)


async def test_a_page_that_is_sent_away_offers_to_load_it_again(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit")
    sockets: list[WebSocketRoute] = []

    def relay(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await page.route_web_socket(re.compile("/ws/operators"), relay)
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await sockets[-1].close(code=4503)
    await expect(live.banner).to_contain_text("The server closed the connection. Reload the page to reconnect.")
    await page.get_by_role("region", name="Connection").get_by_role("button", name="Reload").click()
    await live.ready()


async def test_a_first_overview_that_never_arrives_is_given_up_for_the_socket(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit")
    await page.route("**/admin/overview", lambda _: None)
    await page.goto(f"{site.origin}/admin", wait_until="commit")
    await expect(page.locator("html")).to_have_attribute("data-feed", "stale")
    await page.wait_for_timeout(5_000)
    live = await Live(page).ready()
    toast = await live.record("toast", "[data-banner=toast]")
    assert "Reconnected" not in "".join(await toast.texts()), "it was never connected before"


async def test_a_page_whose_scripts_are_missing_says_so(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 503")
    page = await visit("/admin/audit")
    await page.route("**/admin/banner.js", lambda route: route.fulfill(status=503))
    await page.clock.install()
    await page.goto(f"{site.origin}/admin")
    live = Live(page)
    await page.clock.fast_forward(19_000)
    await expect(live.chip).to_contain_text("Loading")
    await page.clock.fast_forward(2_000)
    await expect(live.chip).to_have_text("Not live")
    await expect(live.banner).to_have_text(re.compile(r"This page could not start\. It shows the state at [\d:]+\."))
    await page.unroute("**/admin/banner.js")
    await page.get_by_role("button", name="Reload").first.click()
    await live.ready()


async def test_a_page_whose_scripts_are_missing_takes_no_actions(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 503")
    (ada,) = await site.online("Ada unstarted")
    page = await visit("/admin/audit")
    await page.route("**/admin/banner.js", lambda route: route.fulfill(status=503))
    await page.clock.install()
    for path in ("/admin", f"/admin/users/{ada.user_id}"):
        await page.goto(site.origin + path)
        actions = page.locator("[data-acts]")
        possible = actions.and_(page.locator("button:not(:disabled), a[href]"))
        assert await possible.count() == await actions.count() > 0, path
        await page.clock.fast_forward(21_000)
        await expect(Live(page).chip).to_have_text("Not live")
        await expect(possible).to_have_count(0)


async def test_on_a_wall_that_is_stale_the_time_of_day_goes_on(site: Site, visit: Visit) -> None:
    live = Live(await visit("/admin/wall"))
    await expect(live.chip).to_have_text("Live")
    await live.page.context.set_offline(True)
    await expect(live.chip).to_have_text("No update")
    await live.record("time", "#time")
    await live.page.wait_for_function("() => window.records.time.length >= 2")


async def test_a_server_that_is_restarted_says_so(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse(LOST)
    live = await Live(await visit()).ready()
    said = await live.record("banner", "[data-banner=text]")
    chip = await live.record("chip", "[data-banner=chip]")
    await site.program.stop()
    await said.says(r"The server is restarting\. Trying again in \d s\. Figures are from .*")
    await site.program.start()
    await expect(live.chip).to_have_text("Live")
    assert await chip.texts() == ["Live", "Restarting", "Live"]


async def test_a_paused_page_stands_still_and_counts_what_waits(site: Site, visit: Visit) -> None:
    people = await site.online("paused ada", "paused bob", "paused cem")
    live = await Live(await visit()).ready()
    await expect(live.cell(people[0], "state")).to_have_text("Available")
    figures = [await live.figure(name).text_content() for name in ("available", "busy")]
    await live.page.keyboard.press("p")
    await expect(live.chip).to_have_text("Paused, 0 changes waiting")
    timers = [await live.cell(person, "since").text_content() for person in people]
    for person in people:
        assert (await person.put("/users/me/status", {"is_busy": True})).status == 200
    await expect(live.chip).to_have_text("Paused, 3 changes waiting")
    assert [await live.figure(name).text_content() for name in ("available", "busy")] == figures
    assert [await live.cell(person, "state").text_content() for person in people] == ["Available"] * 3
    await asyncio.sleep(1.1)  # until timers would differ
    await live.page.set_viewport_size({"width": 1300, "height": 820})  # draws everything again
    await live.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert [await live.cell(person, "since").text_content() for person in people] == timers

    await live.page.keyboard.press("p")
    await expect(live.chip).to_have_text("Live")
    for person in people:
        await expect(live.cell(person, "state")).to_have_text("Busy")


async def test_while_paused_nothing_can_be_done_and_then_the_menu_of_a_row_ends_the_users_call(
    site: Site, visit: Visit
) -> None:
    ada, bob, cem = await site.online("locked ada", "locked bob", "locked cem")
    call_id = await call(ada, bob)
    live = await Live(await visit("/admin?q=locked&sort=name")).ready()
    can_act = live.page.locator("[data-acts]:enabled")
    await expect(live.call(call_id)).to_be_visible()
    await live.page.get_by_role("checkbox", name="Pick locked cem").check()
    await live.page.keyboard.press("p")
    await expect(can_act).to_have_count(0)
    await live.search.fill("locked c")  # rows that are filled anew
    await live.page.locator("#sort").select_option("heard")
    await live.search.fill("locked")
    await expect(live.rows).to_have_count(3)
    await expect(can_act).to_have_count(0)
    await expect(live.cell(ada, "more")).to_be_disabled()
    await expect(live.page.get_by_role("button", name="Force offline 1 user…")).to_be_disabled()
    await live.search.blur()
    await live.page.keyboard.press("p")
    await expect(live.cell(ada, "more")).to_be_enabled()

    await live.cell(cem, "more").click()
    await expect(live.menu.get_by_text(re.compile("call"))).to_have_count(2)
    await expect(live.menu.get_by_text(re.compile("call")).locator("visible=true")).to_have_count(0)
    await live.page.keyboard.press("Escape")
    await live.cell(bob, "more").click()
    await expect(live.menu.get_by_role("link", name="Open call")).to_have_attribute("href", f"/admin/calls/{call_id}")
    await live.menu.get_by_role("button", name="End call…").click()
    await expect(live.dialog.get_by_role("heading")).to_have_text("End call: locked ada and locked bob")
    await live.confirm("the line is dead")
    await expect(live.toast).to_have_text("Call between locked ada and locked bob ended.")
    await expect(live.call(call_id).locator("[data-f=timer]")).to_have_text("Ended")


async def test_a_new_version_is_offered_and_never_forced(
    make_site: MakeSite, visit: Visit, conduct: Conduct, tmp_path: Path
) -> None:
    conduct.excuse(LOST)
    site = make_site()
    site.program.root = copy_of_the_program(tmp_path / "program")
    await site.start()
    (ada,) = await site.online("Ada")
    page = await visit(at=site)
    live = await Live(page).ready()
    version = await page.locator("meta[name=version]").get_attribute("content")
    await expect(live.outdated).to_be_hidden()

    await site.program.stop()
    script = site.program.root / "static" / "admin" / "formatting.js"
    script.write_text(script.read_text() + "\n// another version\n")
    await site.program.start()
    await expect(live.outdated).to_contain_text("A new version of this page is available")
    await expect(live.chip).to_have_text("Live")
    await heartbeat(ada)
    await expect(live.cell(ada, "state")).to_have_text("Available")
    assert await page.locator("meta[name=version]").get_attribute("content") == version

    await live.outdated.get_by_role("button", name="Reload").click()
    await expect(page.locator("meta[name=version]")).not_to_have_attribute("content", version or "")
    await live.ready()
    await expect(live.outdated).to_be_hidden()


def copy_of_the_program(folder: Path) -> Path:
    left_out = shutil.ignore_patterns(".*", "tests", "benchmarks", "data", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder
