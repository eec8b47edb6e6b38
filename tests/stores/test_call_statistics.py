"""Statistics of calls: numbers by type and outcome, and the lengths of calls."""

from __future__ import annotations

import random
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import timed_list
from models.call_statistics import CallNumbers, CallStatistics, statistics_of
from models.calls import CallFilter
from models.database import Database
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def numbers(*lengths: int) -> CallNumbers:
    made = CallNumbers()
    for seconds in lengths:
        made.add(1, seconds)
    return made


def document(number: int, **fields: Any) -> dict[str, Any]:
    """A call that began `number` seconds after noon."""
    return {
        "_id": f"{number:08}",
        "caller_id": number % 5 + 1,
        "callee_id": number % 5 + 2,
        "call_type": "audio",
        "status": "completed",
        "started_at": NOON + timedelta(seconds=number),
        "ended_at": NOON + timedelta(seconds=number + 60),
        "duration_seconds": 60,
        "end_reason": "completed",
        "ended_by": None,
    } | fields


async def put(database: Database, *documents: dict[str, Any]) -> None:
    await database.collection("calls").insert_many(documents)


def all_numbers(found: CallStatistics) -> list[int]:
    """All calls, audio, video, completed, dropped, cancelled, ongoing."""
    states = [found.of(state=each).number for each in ("completed", "dropped", "cancelled", "ongoing")]  # type: ignore[arg-type]
    return [found.of().number, found.of("audio").number, found.of("video").number, *states]


@pytest.mark.parametrize(
    ("lengths", "median", "percentile_95"),
    [
        ([7], 7, 7),
        ([10, 20], 15, 19.5),
        ([30, 10, 20, 40], 25, 38.5),
        (list(range(1, 22)), 11, 20),
        ([5] * 99 + [100], 5, 5),
        ([0, 0, 0], 0, 0),
    ],
)
def test_percentiles_are_those_of_a_spreadsheet(lengths: list[int], median: float, percentile_95: float) -> None:
    found = numbers(*lengths)
    assert (found.median, found.percentile_95) == (pytest.approx(median), pytest.approx(percentile_95))


def test_percentiles_are_exact_however_many_calls_there_are() -> None:
    source = random.Random(20)
    lengths = [int(source.expovariate(1 / 200)) for _ in range(2001)]
    found = numbers(*lengths)
    assert found.median == statistics.median(lengths)
    assert found.percentile_95 == pytest.approx(statistics.quantiles(lengths, n=20, method="inclusive")[-1])


def test_no_call_has_no_length() -> None:
    ongoing = CallNumbers()
    ongoing.add(3, None)
    assert (ongoing.number, ongoing.median, ongoing.percentile_95) == (3, None, None)


def test_memory_depends_on_the_different_lengths_alone() -> None:
    found = CallNumbers()
    for seconds in range(100):
        found.add(10_000, seconds)
    assert (found.number, len(found._lengths), found.median) == (1_000_000, 100, 49.5)


async def test_calls_are_counted_by_type_and_outcome(stores: Stores, database: Database) -> None:
    open_call = {"status": "ongoing", "ended_at": None, "duration_seconds": None, "end_reason": None}
    await put(
        database,
        document(0, duration_seconds=10),
        document(1, duration_seconds=20),
        document(2, call_type="video", duration_seconds=300),
        document(3, call_type="video", status="dropped", end_reason="dropped", duration_seconds=90),
        document(4, status="cancelled", end_reason="cancelled", duration_seconds=0),
        document(5, **open_call),
    )
    found = await statistics_of(stores.calls.listed())
    assert all_numbers(found) == [6, 4, 2, 3, 1, 1, 1]
    assert found.of("audio", "completed").median == 15
    assert (found.of("video").median, found.of("video", "dropped").median) == (195, 90)
    assert found.of().median == 20, "ongoing calls have no length yet"
    assert found.of("audio", "ongoing").median is None


async def test_the_numbers_are_those_of_the_same_list(stores: Stores, database: Database) -> None:
    await put(database, *(document(number, call_type="video" if number % 3 else "audio") for number in range(40)))
    within = CallFilter(start=NOON + timedelta(seconds=5), end=NOON + timedelta(seconds=25))
    for filters in (
        CallFilter(), within, CallFilter(state="ended"), CallFilter(state="ongoing"), CallFilter(user_ids=[2, 3]),
        CallFilter(user_ids=[3], **within), CallFilter(user_ids=[]),
        CallFilter(user_ids=[1, 4], state="ended", **within),
    ):  # fmt: skip
        _, total = await stores.calls.page(skip=0, limit=1, **filters)
        assert (await statistics_of(stores.calls.listed(**filters))).of().number == total, filters


async def test_many_calls_are_counted_some_at_a_time(
    stores: Stores, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if many of them began at the same moment."""
    monkeypatch.setattr(timed_list, "COUNTED_AT_ONCE", 7)
    documents = [document(number, duration_seconds=number) for number in range(50)]
    documents += [document(100 + number, started_at=NOON + timedelta(seconds=20)) for number in range(20)]
    await put(database, *documents)
    queries = 0
    collection = stores.calls._calls
    count_by = collection.count_by

    async def counted(*arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        found = await count_by(*arguments)
        assert sum(number for _, number in found) <= 28
        return found

    monkeypatch.setattr(collection, "count_by", counted)
    found = await statistics_of(stores.calls.listed())
    assert found.of().number == 70
    assert queries >= 7


async def test_what_another_program_wrote_wrongly_is_left_out(stores: Stores, database: Database) -> None:
    await put(
        database,
        document(0),
        document(1, call_type="hologram"),
        document(2, status=7),
        document(3, duration_seconds="long"),
        document(4, duration_seconds=-3),
    )
    found = await statistics_of(stores.calls.listed())
    assert (found.of().number, found.of().median) == (3, 60)
