"""Paper: how every page prints, with nothing but its list, its filter and its time."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.screenshots.state import Scene, state
from tests.screenshots.states.connection import silence

ON_PAPER: dict[str, Any] = {"widths": (768, 1024), "height": 2400}
"""About the widths of A4, upright and across."""


async def print_page(scene: Scene) -> None:
    """Show the page as the browser lays it out for paper."""
    await scene.page.emulate_media(media="print")
    await scene.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")


async def print_when_live(scene: Scene) -> None:
    """Print the page once it is live, if it follows the server."""
    if await scene.live.chip.count():
        await expect(scene.live.chip).to_have_text("Live")
    await print_page(scene)


for name, path, role in (
    ("live", "/admin", "operator"),
    ("live_filtered", "/admin?status=busy&q=a&sort=-name", "operator"),
    ("live_chart_of_a_week", "/admin?chart=7d", "operator"),
    ("wall", "/admin/wall", "operator"),
    ("users", "/admin/users", "operator"),
    ("users_filtered", "/admin/users?status=offline&tag=sales&q=a", "viewer"),
    ("user", "/admin/users/{longest}", "operator"),
    ("user_week", "/admin/users/{stuck}?view=week", "viewer"),
    ("calls", "/admin/calls", "operator"),
    ("calls_filtered", "/admin/calls?state=ongoing&range=week&q=ada", "operator"),
    ("call", "/admin/calls/{call}", "operator"),
    ("events", "/admin/events", "operator"),
    ("events_jump", "/admin/events?at=2026-11-27T14:05", "operator"),
    ("audit", "/admin/audit", "operator"),
    ("board_form", "/admin/board", "operator"),
    ("system", "/admin/system", "admin"),
    ("operators", "/admin/operators", "admin"),
    ("screens", "/admin/screens", "admin"),
    ("sign_ins", "/admin/sign-ins", "operator"),
    ("error", "/admin/users/999999", "operator"),
):
    state(f"print_{name}", path, role=role, **ON_PAPER)(print_when_live)

state("print_live_of_thousands", "/admin", place="thousands", **{**ON_PAPER, "height": 12_000})(print_page)


@state("print_live_without_javascript", "/admin", options={"java_script_enabled": False}, **ON_PAPER)
async def print_without_javascript(scene: Scene) -> None:
    await scene.page.emulate_media(media="print")


state("print_docs", "/docs/dashboard", role="", **ON_PAPER)(print_page)


@state("print_board", "/admin/audit", **ON_PAPER)
async def print_board(scene: Scene) -> None:
    await scene.page.goto(f"{scene.place.site.origin}/admin/board?at={await just_now(scene)}")
    await print_page(scene)


@state("print_live_dialog", "/admin", **ON_PAPER)
async def print_dialog(scene: Scene) -> None:
    await scene.live.open_menu(scene.live.rows.first)
    await scene.live.menu.get_by_role("button", name="Force offline").click()
    await scene.live.dialog.wait_for()
    await print_page(scene)


@state("print_live_menu", "/admin", **ON_PAPER)
async def print_menu(scene: Scene) -> None:
    await scene.page.get_by_role("button", name="operator").click()
    await print_page(scene)


@state("print_live_paused", "/admin", **ON_PAPER)
async def print_paused(scene: Scene) -> None:
    await scene.page.keyboard.press("p")
    await scene.page.locator("[data-banner=chip].paused").wait_for()
    await print_page(scene)


@state("print_user_paused", "/admin/users/{longest}", **ON_PAPER)
async def print_paused_user(scene: Scene) -> None:
    await scene.page.locator("[data-banner=chip].live").wait_for()
    await print_paused(scene)


@state("print_live_stale", "/admin", **ON_PAPER)
async def print_stale(scene: Scene) -> None:
    await silence(scene)
    await print_page(scene)


async def just_now(scene: Scene) -> str:
    """Return the moment, in UTC, at which the page was made."""
    now: str = await scene.page.evaluate("() => new Date(Number(document.body.dataset.now)).toISOString().slice(0, 19)")
    return f"{now}Z"
