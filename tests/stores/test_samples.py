"""Samples in the store: one per moment, oldest first, removed by age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.samples import Sample
from models.stores import Stores

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
