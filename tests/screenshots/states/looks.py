"""Looks: forced colours, reduced motion, a zoom of 200 %, and times as other languages and zones have them."""

from __future__ import annotations

from typing import Any

from tests.screenshots.state import Scene, plain, state

WIDE = (768, 1024, 1440, 1920)
"""Nobody zooms a phone's window to half its width."""

FORCED: dict[str, Any] = {"options": {"forced_colors": "active"}}
STILL: dict[str, Any] = {"options": {"reduced_motion": "reduce"}}
AMERICAN: dict[str, Any] = {"options": {"locale": "en-US", "timezone_id": "America/New_York"}}
GERMAN: dict[str, Any] = {"options": {"locale": "de-DE"}}

PAGES = (
    ("live", "/admin"),
    ("users", "/admin/users"),
    ("user", "/admin/users/{longest}"),
    ("events", "/admin/events"),
    ("calls", "/admin/calls"),
)

for name, path in PAGES:
    plain(f"look_zoomed_{name}", path, widths=WIDE, zoom=2)
    plain(f"look_american_{name}", path, **AMERICAN)
plain("look_zoomed_wall", "/admin/wall", widths=WIDE, zoom=2)
plain("look_german_live", "/admin", **GERMAN)
plain("look_german_events", "/admin/events", **GERMAN)
plain("look_american_audit", "/admin/audit?range=week", **AMERICAN)
plain(
    "look_american_without_javascript", "/admin/events", options={**AMERICAN["options"], "java_script_enabled": False}
)

for name, path in (
    ("live", "/admin"), ("wall", "/admin/wall"), ("user", "/admin/users/{longest}"),
    ("users", "/admin/users?status=busy&pick=all"), ("login", "/admin/login"), ("error", "/admin/nothing"),
):  # fmt: skip
    plain(f"look_forced_{name}", path, role="" if name == "login" else "operator", **FORCED)
for name, path in (("live", "/admin"), ("wall", "/admin/wall")):
    plain(f"look_still_{name}", path, **STILL)


async def open_dialog(scene: Scene) -> None:
    """Ask whether to force the first user offline."""
    await scene.live.open_menu(scene.live.rows.first)
    await scene.live.menu.get_by_role("button", name="Force offline").click()
    await scene.live.dialog.wait_for()


state("look_forced_dialog", "/admin", **FORCED)(open_dialog)
state("look_still_dialog", "/admin", **STILL)(open_dialog)
state("look_zoomed_dialog", "/admin", widths=WIDE, zoom=2)(open_dialog)


@state("look_forced_menu", "/admin", **FORCED)
async def open_menu(scene: Scene) -> None:
    await scene.page.get_by_role("button", name="operator").click()


@state("look_forced_paused", "/admin", **FORCED)
async def pause(scene: Scene) -> None:
    await scene.page.keyboard.press("p")
    await scene.page.locator("[data-banner=chip].paused").wait_for()


async def choose_zone(scene: Scene, zone: str) -> None:
    """Choose a time zone in the account menu."""
    await scene.page.get_by_role("button", name="operator").click()
    await scene.page.get_by_label("Other", exact=True).check()
    await scene.page.get_by_label("Name of the other time zone").fill(zone)
    async with scene.page.expect_navigation():
        await scene.page.get_by_role("button", name="Set time zone").click()


@state("look_kolkata_events", "/admin/events")
async def choose_kolkata(scene: Scene) -> None:
    await choose_zone(scene, "Asia/Kolkata")


@state("look_kolkata_jump", "/admin/users/{longest}")
async def jump_in_kolkata(scene: Scene) -> None:
    await choose_zone(scene, "Asia/Kolkata")
    await scene.page.goto(scene.page.url + "?at=2026-11-27T14:05")


@state("look_utc_live", "/admin")
async def choose_utc(scene: Scene) -> None:
    await choose_zone(scene, "UTC")
    await scene.page.wait_for_function("() => document.documentElement.dataset.feed === 'live'")


@state("look_kolkata_without_javascript", "/admin/users/{longest}", options={"java_script_enabled": False})
async def choose_kolkata_without_javascript(scene: Scene) -> None:
    await choose_zone(scene, "Asia/Kolkata")
