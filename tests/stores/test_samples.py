"""Samples in the store: one per moment, oldest first, fewer the older they are, removed by age."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.results import DeleteResult

from models import samples
from models.collection import Filter
from models.errors import StoreUnavailable
from models.samples import Sample
from models.stores import Stores
from models.times import EPOCH, milliseconds

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
STEP = timedelta(seconds=5)


def sample(number: int, available: int = 3) -> Sample:
    return Sample(NOON + number * STEP, available, 2, 1, 1)


async def test_samples_come_back_as_kept_oldest_first(stores: Stores) -> None:
    for number in (2, 0, 1):
        await stores.samples.add(sample(number))
    assert await stores.samples.since(NOON) == [sample(0), sample(1), sample(2)]
    assert await stores.samples.since(NOON + STEP) == [sample(1), sample(2)]


async def test_a_sample_of_the_same_moment_takes_the_place_of_the_first(stores: Stores) -> None:
    for available in (3, 4):
        await stores.samples.add(sample(0, available))
    assert await stores.samples.since(NOON) == [sample(0, 4)]


async def test_the_old_are_forgotten(stores: Stores) -> None:
    for number in range(4):
        await stores.samples.add(sample(number))
    assert await stores.samples.forget(NOON + 3 * STEP) == 3
    assert await stores.samples.since(NOON - STEP) == [sample(3)]


async def put(stores: Stores, ages: Iterable[timedelta], now: datetime) -> None:
    """Add samples of these ages."""
    rows = {milliseconds(now - age): {"available": 3, "busy": 2, "offline": 1, "calls": 1} for age in ages}
    await stores.samples._samples.insert_many([{"_id": at, **figures} for at, figures in sorted(rows.items())])


async def kept(stores: Stores) -> list[datetime]:
    """The moments of all samples."""
    return [each.at for each in await stores.samples.since(EPOCH)]


async def test_the_older_samples_are_the_fewer_of_them_stay(stores: Stores) -> None:
    await put(stores, (number * STEP for number in range(2 * 720 + 1)), NOON)  # the last two hours
    await put(stores, (timedelta(days=3) + number * STEP for number in range(720)), NOON)
    await stores.samples.thin(NOON)
    moments = await kept(stores)
    hour_ago, day_ago = NOON - timedelta(hours=1), NOON - timedelta(days=1)
    assert len([at for at in moments if at >= hour_ago]) == 721
    for older, step in ((hour_ago, 30), (day_ago, 300)):
        periods = [milliseconds(at) // (1000 * step) for at in moments if at < older]
        assert len(periods) == len(set(periods)), "one of each period"
    assert len([at for at in moments if day_ago <= at < hour_ago]) in (120, 121)
    assert len([at for at in moments if at < day_ago]) in (12, 13)


async def test_thinning_again_deletes_nothing(stores: Stores) -> None:
    await put(stores, (timedelta(hours=2) + number * STEP for number in range(200)), NOON)
    assert await stores.samples.thin(NOON) > 0
    first = await kept(stores)
    assert (await stores.samples.thin(NOON), await kept(stores)) == (0, first)


async def test_thinning_that_was_cut_off_ends_as_if_it_had_not_been(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `kill -9`: some samples are deleted, others not yet."""
    ages = [timedelta(days=2) + number * STEP for number in range(200)]
    await put(stores, ages, NOON)
    await stores.samples.thin(NOON)
    expected = await kept(stores)
    await stores.samples.forget(NOON)
    await put(stores, ages, NOON)
    monkeypatch.setattr(samples, "THINNED_AT_ONCE", 30)
    delete, calls = stores.samples._samples.delete_many, 0

    async def delete_twice(filter: Filter) -> DeleteResult:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise StoreUnavailable("killed")
        return await delete(filter)

    monkeypatch.setattr(stores.samples._samples, "delete_many", delete_twice)
    with pytest.raises(StoreUnavailable):
        await stores.samples.thin(NOON)
    assert len(await kept(stores)) < len(ages)
    monkeypatch.setattr(stores.samples._samples, "delete_many", delete)
    await stores.samples.thin(NOON + timedelta(minutes=1))
    assert await kept(stores) == expected


async def test_samples_that_age_from_one_level_to_the_next_are_thinned_again(stores: Stores) -> None:
    await put(stores, (number * STEP for number in range(720)), NOON)
    for hours in (1, 2, 25, 26):
        await stores.samples.thin(NOON + timedelta(hours=hours))
    moments = await kept(stores)
    assert len(moments) in (12, 13)
    periods = [milliseconds(at) // 300_000 for at in moments]
    assert periods == list(range(periods[0], periods[-1] + 1)), "none is missing"


async def test_samples_that_are_rarer_than_any_level_all_stay(stores: Stores) -> None:
    await put(stores, (timedelta(hours=number) for number in range(1, 100)), NOON)
    assert await stores.samples.thin(NOON) == 0


def test_eight_days_of_samples_are_a_bounded_number() -> None:
    end = timedelta(days=8)
    ages = [timedelta(0), *(level.age for level in samples.LEVELS), end]
    steps = [STEP, *(level.step for level in samples.LEVELS)]
    counts = [(older - age) / step for (age, older), step in zip(itertools.pairwise(ages), steps, strict=True)]
    assert sum(counts) < 6000


def test_each_step_is_a_multiple_of_the_one_before() -> None:
    steps = [level.step for level in samples.LEVELS]
    assert all(later % step == timedelta(0) for step, later in itertools.pairwise(steps))


def test_the_first_of_each_step_is_picked() -> None:
    assert samples.first_of_each([0, 3, 10, 11, 29, 30], 10, lambda at: at) == [0, 10, 29, 30]
    assert samples.first_of_each([0, 3, 10], 0, lambda at: at) == [0, 3, 10]
