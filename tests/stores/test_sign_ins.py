"""Sign-ins in the store: kept by the hash of their secret, ended by deleting them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.sign_ins import SignIn
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def begin(stores: Stores, sign_in_id: str, operator_id: int = 1, at: datetime = NOON) -> SignIn:
    return await stores.sign_ins.create(sign_in_id, operator_id, at, "192.0.2.1", "Firefox on Linux")


async def left(stores: Stores, *ids: str) -> list[str]:
    """Return those of the sign-ins that have not ended."""
    return [each for each in ids if await stores.sign_ins.get(each) is not None]


async def test_a_sign_in_comes_back_as_it_began(stores: Stores) -> None:
    begun = await begin(stores, "a")
    assert begun == SignIn("a", 1, NOON, NOON, "192.0.2.1", "Firefox on Linux")
    assert await stores.sign_ins.get("a") == begun


async def test_a_touch_moves_seen_at_forward_and_never_back(stores: Stores) -> None:
    await begin(stores, "a")
    for moment in (NOON + MINUTE, NOON):
        await stores.sign_ins.touch("a", moment)
    found = await stores.sign_ins.get("a")
    assert found is not None
    assert (found.started_at, found.seen_at) == (NOON, NOON + MINUTE)


async def test_one_that_has_ended_stays_ended_when_touched(stores: Stores) -> None:
    await begin(stores, "a")
    await stores.sign_ins.end("a")
    await stores.sign_ins.touch("a", NOON + MINUTE)
    assert await left(stores, "a") == []


async def test_ending_all_of_one_operator_leaves_those_of_others(stores: Stores) -> None:
    for sign_in_id, operator_id in (("a", 1), ("b", 2), ("c", 1)):
        await begin(stores, sign_in_id, operator_id)
    await stores.sign_ins.end_all(1)
    assert await left(stores, "a", "b", "c") == ["b"]


async def test_those_too_old_or_too_long_idle_are_forgotten(stores: Stores) -> None:
    await begin(stores, "old and busy", at=NOON - 10 * MINUTE)
    await stores.sign_ins.touch("old and busy", NOON)
    await begin(stores, "idle", at=NOON - 5 * MINUTE)
    await begin(stores, "new", at=NOON - MINUTE)
    assert await stores.sign_ins.forget_old(NOON - 9 * MINUTE, NOON - 3 * MINUTE) == 2
    assert await left(stores, "old and busy", "idle", "new") == ["new"]
