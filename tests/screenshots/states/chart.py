"""Chart: the figures over time, on Live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.times import milliseconds
from tests.dashboard.crowds import ONLINE_SETTINGS, gather_crowd
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, state
from tests.screenshots.states.attention import by_hand, scroll

RANGES = ("15m", "1h", "4h", "24h", "7d")
STEPS = (
    (timedelta(hours=1), timedelta(seconds=5)),
    (timedelta(days=1), timedelta(seconds=30)),
    (timedelta(days=8), timedelta(minutes=5)),
)
"""Up to which age there is a sample how often."""

GAPS = (
    (timedelta(minutes=6), timedelta(minutes=8)),
    (timedelta(hours=2), timedelta(hours=3)),
    (timedelta(days=3), timedelta(days=3, hours=9)),
)
"""Ages between which no server ran."""


def ages() -> Iterator[timedelta]:
    """The ages of all samples, the youngest first."""
    age = timedelta(seconds=5)
    for limit, step in STEPS:
        while age < limit:
            if not any(start < age < end for start, end in GAPS):
                yield age
            age += step


@place("sampled", **{**ONLINE_SETTINGS, "sample_interval_seconds": 5.0})
async def furnish_history(place: Place) -> None:
    """A team of 140 with samples of eight days, of which some are missing."""
    await gather_crowd(place.site, 140)
    now = datetime.now(UTC)
    rows = []
    for age in ages():
        at = now - age
        day = (1 - math.cos(2 * math.pi * (at.hour + at.minute / 60) / 24)) / 2
        wave = round(4 * math.sin(milliseconds(at) / 97_000) + 3 * math.sin(milliseconds(at) / 31_000))
        busy, available = round(8 + 62 * day) + wave, round(4 + 38 * day) - wave
        rows.append(
            {
                "_id": milliseconds(at),
                "available": max(0, available),
                "busy": max(0, busy),
                "offline": 140 - available - busy,
                "calls": max(0, busy // 3),
            }
        )
    async with by_hand(place.site) as store:
        for start in range(0, len(rows), 500):
            await store.collection("samples").insert_many(rows[start : start + 500])
    await place.site.start()


async def show(scene: Scene) -> None:
    """Bring the chart into view."""
    await scroll(scene, "#chart")


for each in RANGES:
    state(f"chart_{each}", f"/admin?chart={each}", place="sampled")(show)
state("chart_first", "/admin", place="nobody")(show)
state("chart_without_javascript", "/admin?chart=24h", place="sampled", options={"java_script_enabled": False})(show)


async def point(scene: Scene, across: float) -> None:
    """Point at the chart, at a part of its width."""
    await show(scene)
    box = await scene.page.locator("[data-chart=plot]").bounding_box()
    assert box is not None
    await scene.page.mouse.move(box["x"] + across * box["width"], box["y"] + box["height"] / 2)
    await scene.page.locator("[data-chart=readout]").wait_for(state="visible")


@state("chart_pointed_left", "/admin?chart=24h", place="sampled")
async def point_left(scene: Scene) -> None:
    """The figures under the pointer, near the left edge."""
    await point(scene, 0.03)


@state("chart_pointed_right", "/admin?chart=7d", place="sampled")
async def point_right(scene: Scene) -> None:
    """The figures under the pointer, near the right edge."""
    await point(scene, 0.98)


@state("chart_pointed_gap", "/admin?chart=4h", place="sampled")
async def point_gap(scene: Scene) -> None:
    """No figures under the pointer."""
    await point(scene, 0.375)


@state("chart_keyboard", "/admin", place="sampled")
async def read_by_keyboard(scene: Scene) -> None:
    """The figures that the keyboard has chosen."""
    await show(scene)
    await scene.page.get_by_role("button", name="Table").focus()
    await scene.page.keyboard.press("Tab")
    for _ in range(5):
        await scene.page.keyboard.press("PageDown")


@state("chart_table", "/admin?chart=24h", place="sampled")
async def open_table(scene: Scene) -> None:
    """The table."""
    await show(scene)
    await scene.page.get_by_role("button", name="Table").click()


@state("chart_table_7d", "/admin?chart=7d", place="sampled")
async def open_long_table(scene: Scene) -> None:
    """The table of a week, with days without figures."""
    await show(scene)
    await scene.page.get_by_role("button", name="Table").click()
    await scene.page.locator(".chart-table .scrolls").evaluate("(box) => { box.scrollTop = box.scrollHeight / 2.5; }")


@state("chart_not_loaded", "/admin", place="sampled")
async def fail(scene: Scene) -> None:
    """Older figures cannot be loaded."""
    await show(scene)
    await scene.page.route("**/admin/samples*", lambda route: route.fulfill(status=503))
    await scene.page.get_by_role("link", name="7 d", exact=True).click()
    await scene.page.locator("[data-banner=toast].shown").wait_for()


@state("chart_loading", "/admin", place="sampled")
async def load(scene: Scene) -> None:
    """Older figures are on their way."""
    await show(scene)
    await scene.page.route("**/admin/samples*", lambda _: None)
    await scene.page.get_by_role("link", name="7 d", exact=True).click()
