"""Calls: the list of calls, and the page of one call that is ongoing or ended in one way or another."""

from __future__ import annotations

from playwright.async_api import expect

from tests.clients import Person
from tests.dashboard.site import call
from tests.screenshots.state import Scene, plain, state
from tests.screenshots.states.connection import silence

TALL = 2600
"""Pixels, so that what follows a short list can be seen on a phone as well."""

NO_SCRIPTS = {"java_script_enabled": False}

plain("calls_all", "/admin/calls", place="history")
plain("calls_ongoing", "/admin/calls?state=ongoing")
plain("calls_ended", "/admin/calls?state=ended", place="history")
plain("calls_oldest_first", "/admin/calls?sort=-started&state=ended", place="history")
plain("calls_longest_first", "/admin/calls?sort=duration", place="history")
plain("calls_found", "/admin/calls?q=haddad", place="history", height=TALL)
plain("calls_not_found", "/admin/calls?q=Nobody+of+this+name&state=ended", place="history")
plain("calls_of_a_deleted_user", "/admin/calls?q=%23{deleted}&range=shift", place="history", height=TALL)
plain("calls_last_hour", "/admin/calls?range=hour&state=ended", place="history", height=TALL)
plain("calls_from_to", "/admin/calls?from={before_that}&to={yesterday}", place="history")
plain("calls_wrong_range", "/admin/calls?from=2026-01-31T12:00&to=2026-01-31T11:00", place="history")
plain("calls_too_many_to_count", "/admin/calls?sort=duration", place="ten_thousand")
plain("calls_next_page", "/admin/calls?page=3", place="history", height=9000)
plain("calls_page_beyond", "/admin/calls?page=150", place="history")
plain("calls_around_a_moment", "/admin/calls?at={yesterday}#moment", place="history", height=9000)
plain("calls_when_clocks_went_back", "/admin/calls?at={autumn}T02:30&zone=Europe/Berlin", place="history")
plain("calls_none_around_a_moment", "/admin/calls?at=2001-01-31T12:00&q=%23999999", place="history")
plain("calls_few_columns", "/admin/calls?columns=duration&state=ongoing")
plain("calls_nobody", "/admin/calls", place="nobody")
plain("calls_viewer", "/admin/calls?state=ongoing", role="viewer")
plain("calls_no_javascript", "/admin/calls?range=day", place="history", options=NO_SCRIPTS)


@state("calls_views", "/admin/calls?state=ended", place="history")
async def show_views(scene: Scene) -> None:
    """The menu “Views” is open."""
    await scene.page.get_by_role("button", name="Views").click()


plain("call_attention", "/admin/calls/{call}")
plain("call_viewer", "/admin/calls/{call}", role="viewer")
plain("call_completed", "/admin/calls/{completed}", place="history")
plain("call_dropped", "/admin/calls/{dropped}", place="history")
plain("call_cancelled", "/admin/calls/{cancelled}", place="history")
plain("call_by_operator", "/admin/calls/{by_operator}", place="history")
plain("call_of_long_names", "/admin/calls/{of_long_names}", place="history")
plain("call_of_a_deleted_user", "/admin/calls/{of_deleted}", place="history")
plain("call_without_events", "/admin/calls/{unrecorded}", place="history")
plain("call_unknown", "/admin/calls/no-such-call", place="history")
plain("call_no_javascript", "/admin/calls/{call}", options=NO_SCRIPTS)


async def _open_call(scene: Scene) -> tuple[str, list[Person]]:
    """Open the page of a call that has just begun."""
    people = await scene.place.online("Ada Quist", "יהודה בן־אברהם")
    call_id = await call(*people)
    await scene.page.goto(f"{scene.place.site.origin}/admin/calls/{call_id}")
    await expect(scene.live.chip).to_have_text("Live")
    return call_id, people


@state("call_ongoing", "/admin/calls", place="history")
async def show_ongoing(scene: Scene) -> None:
    """It is ongoing, and the page is live."""
    await _open_call(scene)


@state("call_ends", "/admin/calls", place="history")
async def show_end(scene: Scene) -> None:
    """It ended while the page was open."""
    call_id, people = await _open_call(scene)
    await people[1].post("/calls/end", {"call_id": call_id})
    await expect(scene.page.locator("[data-f=over]")).to_contain_text("Completed after")


@state("call_dialog", "/admin/calls", place="history")
async def show_dialog(scene: Scene) -> None:
    """The dialog of “End call” is open."""
    await _open_call(scene)
    await scene.page.get_by_role("link", name="End call…").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()


@state("call_ended_here", "/admin/calls", place="history")
async def show_own_end(scene: Scene) -> None:
    """The operator has just ended it on this page."""
    await show_dialog(scene)
    await scene.live.confirm("wrong number")
    await expect(scene.page.locator("#status")).to_contain_text("Ended byoperator")


@state("call_stale", "/admin/calls", place="history")
async def show_stale(scene: Scene) -> None:
    """The server can't be heard."""
    await _open_call(scene)
    await silence(scene)
