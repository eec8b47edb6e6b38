"""A run of the benchmarks: what is judged by which bound, and what its page says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.curves import Curve, Growth, Point, read_growth, write_growth
from benchmarks.page import page
from benchmarks.row import LIMIT, OURS, Bound, Figure, Reading, judge
from benchmarks.rows.catalog import ROWS
from benchmarks.run import Machine, RowResult, Run, Spread, all_hold, read_run, write_run

RATE = Figure(name="rate", unit="frames/s", counts="frames", bounds=(Bound(against=LIMIT, factor=0.5),))
TIME = Figure(name="time", unit="ms", counts="time", less_is_better=True, bounds=(Bound(factor=10),))


def rounds(*values: tuple[float, float]) -> list[list[Reading]]:
    return [[Reading("rate", OURS, ours), Reading("rate", LIMIT, limit)] for ours, limit in values]


def a_result(**changes: object) -> RowResult:
    whole = {"row": "fanout", "what": "changes", "figures": [RATE], "rounds": rounds((60, 100), (50, 90), (70, 100))}
    return RowResult(**{**whole, **changes})  # type: ignore[arg-type]


def a_run(*results: RowResult, others_share: float = 0.0) -> Run:
    machine = Machine("Linux", "a processor", 2, "3.11.7")
    began = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    missing = {"Node ws": "ws is missing; `make bench-peers` installs it"}
    return Run("python -m benchmarks", began, 600.0, 3, machine, missing, others_share, list(results))


@pytest.mark.parametrize(
    ("values", "ratio", "holds"),
    [
        ([(60, 100)], 0.6, True),
        ([(40, 100)], 0.4, False),
        # The ratio of each round counts, not that of the medians: a round may be slow for both.
        ([(60, 100), (30, 50), (10, 100)], 0.6, True),
    ],
)
def test_a_ratio_is_the_median_of_those_of_the_rounds(
    values: list[tuple[float, float]], ratio: float, holds: bool
) -> None:
    [judged] = judge(RATE, rounds(*values))
    assert (judged.value, judged.holds, judged.bound) == (ratio, holds, "≥ 0.5 × C")


def test_a_time_is_judged_by_its_median_and_must_not_be_above_its_bound() -> None:
    [judged] = judge(TIME, [[Reading("time", OURS, value)] for value in (9, 11, 12)])
    assert (judged.value, judged.holds, judged.bound) == (11, False, "≤ 10 ms")


def test_a_bound_against_somebody_who_was_not_measured_is_not_judged() -> None:
    assert judge(RATE, [[Reading("rate", OURS, 60)]]) == []


def test_a_row_without_a_result_fails_the_run_and_shows_no_figures() -> None:
    failed = a_result(rounds=[], failure="redis-server is missing")
    assert all_hold([a_result()])
    assert not all_hold([a_result(), failed])
    assert "| changes | | no result | no |" in page(a_run(failed), has_plot=False)


def test_spreads_begin_with_rollcall() -> None:
    result = a_result(rounds=[[Reading("rate", LIMIT, 100), Reading("rate", OURS, 60)]])
    assert result.spreads(RATE) == [Spread("rate", OURS, 60, 60, 60), Spread("rate", LIMIT, 100, 100, 100)]


def test_the_page_names_machine_date_command_and_what_was_not_compared() -> None:
    text = page(a_run(a_result(), others_share=0.2), has_plot=True)
    for words in (
        "2026-01-02 03:04 UTC",
        "`python -m benchmarks`",
        "a processor, 2 cores",
        "20.0% of the two cores; the rates are too low",
        "| not compared | Node ws",
        "| rate | ≥ 0.5 × C | 0.60 | yes |",
        "| rate | Rollcall | 50.0 | 60.0 | 70.0 | frames/s |",
        "- **rate**: frames.",
        "## What this does not show",
    ):
        assert words in text


def test_the_page_shows_curves_if_there_are_any(tmp_path: Path) -> None:
    points = [Point(0, None, None, 0.01), Point(1000, 2.5, 750, 0.2)]
    growth = Growth(datetime(2026, 1, 3, tzinfo=UTC), Machine("Linux", "a", 2, "3"), 6.0, [Curve("sockets", points)])
    write_growth(growth, tmp_path / "growth.json")
    text = page(a_run(a_result()), has_plot=False, growth=read_growth(tmp_path / "growth.json"))
    assert "| sockets | 0 |  |  | 1.00% |\n|  | 1,000 | 2.50 | 750 | 20.00% |" in text
    assert "## As it grows" not in page(a_run(a_result()), has_plot=False)


def test_a_run_can_be_read_again(tmp_path: Path) -> None:
    run = a_run(a_result())
    write_run(run, tmp_path / "run.json")
    assert read_run(tmp_path / "run.json") == run


def test_all_rows_together_take_less_than_the_limit_of_a_run() -> None:
    assert sum(row.seconds for row in ROWS.values()) < 40 * 60


def test_no_two_figures_have_the_same_name() -> None:
    names = [figure.name for row in ROWS.values() for figure in row.figures]
    assert len(names) == len(set(names))
