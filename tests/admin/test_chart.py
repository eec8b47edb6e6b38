"""The chart on Live: the times to choose, its data, and what the server draws before the script does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.admin.chart_drawing import ChartDrawing
from handlers.admin.chart_ranges import CHART_RANGES, ChartData
from handlers.admin.moments import Moments
from models.errors import StoreUnavailable
from models.samples import LEVELS, Sample
from models.times import milliseconds
from realtime.dashboard.rows import Figures, SampleRow
from settings import Settings
from tests.admin.browser import JSON_PLEASE
from tests.admin.conftest import SignedIn
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

NOW = milliseconds(datetime(2026, 11, 27, 14, 20, tzinfo=UTC))
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
FIGURES = Figures(3, 2, 1, 1, 0)


def drawing(name: str, samples: list[SampleRow], zone: str = "UTC") -> ChartDrawing:
    chosen = CHART_RANGES[name]
    return ChartDrawing(chosen, chosen.gap_ms(Settings()), ChartData(name, NOW, samples), FIGURES, Moments(NOW, zone))


def rows(*ages: int, calls: int = 1) -> list[SampleRow]:
    """Samples of these ages in milliseconds."""
    return [SampleRow(NOW - age, 3, 2, 1, calls) for age in ages]


async def store_samples(server: RunningServer, *ages: timedelta) -> datetime:
    now = server.core.environment.clock.utc()
    for age in ages:
        await server.stores.samples.add(Sample(now - age, 7, 2, 1, 1))
    return now


async def data(browser: Any, **query: str) -> dict[str, Any]:
    answer = await browser.get("/admin/samples", headers=JSON_PLEASE, **query)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def test_the_time_that_the_chart_shows_is_chosen_by_links_and_kept_in_the_address(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    page = (await browser.get("/admin", status="busy")).body
    links = dict(re.findall(r'<a href="([^"]*)" data-range="(\w+)"', page))
    assert links == {
        "?status=busy": "15m",
        "?status=busy&amp;chart=1h": "1h",
        "?status=busy&amp;chart=4h": "4h",
        "?status=busy&amp;chart=24h": "24h",
        "?status=busy&amp;chart=7d": "7d",
    }
    page = (await browser.get("/admin", status="busy", chart="24h")).body
    assert re.search(r'data-range="24h"[^>]* aria-current="true">24 h<', page)
    assert ">Last 24 hours<" in page
    assert '<input type="hidden" name="chart" value="24h">' in page, "searching keeps it"
    assert 'href="?status=offline&amp;chart=24h"' in page, "a figure keeps it"


async def test_another_time_is_refused(signed_in: SignedIn) -> None:
    assert (await (await signed_in("viewer")).get("/admin", chart="8d")).status == 400


async def test_the_charts_data_are_the_stored_samples_and_then_those_in_memory(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ages = [timedelta(hours=hours) for hours in (200, 100, 20, 3, 0.5)]
    await store_samples(server, *ages)
    server.core.overview.add_sample()  # not stored yet
    browser = await signed_in("viewer")
    counts = {name: len((await data(browser, chart=name))["samples"]) for name in CHART_RANGES}
    assert counts == {"15m": 1, "1h": 2, "4h": 3, "24h": 4, "7d": 5}
    found = await data(browser, chart="4h")
    assert found["range"] == "4h"
    assert [sample[1:] for sample in found["samples"]] == [[7, 2, 1, 1], [7, 2, 1, 1], [0, 0, 0, 0]]


async def test_without_its_older_samples_the_page_says_so(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: datetime) -> list[Sample]:
        raise StoreUnavailable("down")

    browser = await signed_in("viewer")
    monkeypatch.setattr(server.stores.samples, "since", fail)
    page = await browser.get("/admin", chart="7d")
    assert (page.status, "Older figures can't be read now" in page.body) == (200, True)
    assert (await browser.get("/admin/samples", headers=JSON_PLEASE, chart="7d")).status == 503
    assert (await browser.get("/admin")).status == 200


async def test_samples_that_the_store_did_not_take_are_saved_later(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    persistence, samples = server.server._persistence, server.stores.samples
    saved: list[Sample] = []
    is_down = True

    async def add(sample: Sample) -> None:
        if is_down:
            raise StoreUnavailable("down")
        saved.append(sample)

    monkeypatch.setattr(samples, "add", add)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await persistence.sample()
    is_down = False
    await persistence.sample()
    assert [milliseconds(each.at) for each in saved] == [row.at for row in server.core.overview.history()]
    assert len(saved) == 4


def test_a_week_has_a_bounded_number_of_points() -> None:
    samples = [
        Sample(datetime.fromtimestamp((NOW - age) / 1000, UTC), 3, 2, 1, 1) for age in range(168 * HOUR, 0, -30_000)
    ]
    for name, chosen in CHART_RANGES.items():
        drawn = chosen.drawn(samples, [], NOW)
        assert len(drawn) <= 510, name
        assert drawn[0].at >= NOW - 1000 * chosen.span


def test_lines_of_thinned_samples_have_no_gaps() -> None:
    """Of each range, the step is a multiple of the step of the samples that are as old as it reaches back."""
    for chosen in CHART_RANGES.values():
        for level in LEVELS:
            if level.age.total_seconds() < chosen.span:
                assert chosen.step % level.step.total_seconds() == 0, chosen.name


@pytest.mark.parametrize("name", CHART_RANGES)
def test_while_no_server_ran_the_lines_have_a_gap(name: str) -> None:
    chosen = CHART_RANGES[name]
    step, gap = 1000 * (chosen.step or 5), chosen.gap_ms(Settings())
    ages = [age for age in range(1000 * chosen.span, 0, -step) if not 10 * step < age < 10 * step + gap + step]
    for path in drawing(name, rows(*ages)).paths.values():
        assert path.count("M") == 2


def test_the_lines_end_with_the_current_figures() -> None:
    drawn = drawing("15m", rows(5 * SECOND))
    assert drawn.paths["calls"] == "M0.9944 0.8148L1.0000 0.8148"
    assert drawn.paths["busy-area"] == "M0.9944 0.6296L1.0000 0.6296L1.0000 1.0000L0.9944 1.0000Z"


def test_a_single_sample_is_visible() -> None:
    assert drawing("15m", []).paths["busy"] == "M1.0000 0.6296h.001"


def test_the_axis_has_round_marks() -> None:
    assert [text for _, text in drawing("15m", []).rows] == ["0", "2", "4"]
    crowd = [SampleRow(NOW - SECOND, 4000, 1061, 0, 0)]
    assert [text for _, text in drawing("15m", crowd).rows] == ["0", "2,000", "4,000"]
    nobody = ChartDrawing(CHART_RANGES["1h"], 1, ChartData("1h", NOW, []), Figures(0, 0, 0, 0, 0), Moments(NOW))
    assert (nobody.rows[-1], nobody.top) == ((0, "4"), 4)


@pytest.mark.parametrize(
    ("name", "zone", "texts"),
    [
        ("15m", "UTC", ["14:05", "14:10", "14:15"]),
        ("1h", "UTC", ["13:30", "13:45", "14:00", "14:15"]),
        ("4h", "Asia/Kathmandu", ["17:00", "18:00", "19:00", "20:00"]),
        ("24h", "UTC", ["18:00", "27 Nov", "06:00", "12:00"]),
        ("24h", "Asia/Tokyo", ["27 Nov", "06:00", "12:00", "18:00"]),
        ("7d", "America/New_York", ["21 Nov", "22 Nov", "23 Nov", "24 Nov", "25 Nov", "26 Nov", "27 Nov"]),
    ],
)
def test_the_axis_names_times_in_the_operators_zone(name: str, zone: str, texts: list[str]) -> None:
    assert [text for _, text in drawing(name, [], zone).columns] == texts


def test_the_table_has_a_row_for_each_period_the_newest_first() -> None:
    table = drawing("15m", rows(10 * MINUTE, 9 * MINUTE + 30 * SECOND, 2 * MINUTE, calls=4)).table
    assert [at for at, _ in table] == [NOW - age * MINUTE for age in range(15)]
    known = {(NOW - at) // MINUTE: row.at for at, row in table if row}
    assert known == {0: NOW, 2: NOW - 2 * MINUTE, 10: NOW - 10 * MINUTE}


def test_a_row_that_begins_in_a_gap_has_no_figures() -> None:
    quarters = (NOW - 5 * MINUTE, NOW - 20 * MINUTE)
    table = dict(drawing("4h", rows(19 * MINUTE + 40 * SECOND, 1 * MINUTE)).table)
    assert [table[at] is not None for at in quarters] == [False, True]


async def test_the_page_has_the_figures_as_a_table(server: RunningServer, signed_in: SignedIn) -> None:
    now = server.core.environment.clock.utc()
    quarter = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    await store_samples(server, quarter + timedelta(hours=1))
    page = (await (await signed_in("viewer")).get("/admin", chart="4h")).body
    table = page[page.index('<tbody data-chart="table">') :]
    table = table[: table.index("</tbody>")]
    assert table.count("<tr>") == 16
    assert '<td class="num">7</td><td class="num">2</td><td class="num">1</td><td class="num">1</td>' in table
    assert '<td class="num">–</td>' in table


async def test_one_of_the_servers_thins_the_samples(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [timedelta(days=2) + number * timedelta(seconds=5) for number in range(120)]
    now = await store_samples(server, *old, timedelta(days=9), timedelta(minutes=1))
    persistence, samples = server.server._persistence, server.stores.samples
    with monkeypatch.context() as another:
        another.setattr(type(server.core), "is_first", False)
        another.setattr(samples, "forget", None)  # calling it would fail
        await persistence.thin_samples()
    await persistence.thin_samples()
    left = [now - each.at for each in await samples.since(now - timedelta(days=10))]
    assert len([age for age in left if age > timedelta(days=1)]) in (2, 3)
    assert max(left) < timedelta(days=8), "older ones are deleted"
    assert min(left) == timedelta(minutes=1)
