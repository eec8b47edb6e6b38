"""Sign-in limits: attempts are counted before passwords are compared, and nobody can lock others out."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.database import Database
from models.errors import Overloaded, StoreUnavailable, TooMany
from models.sign_in_limits import SignInLimits
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Door:
    """A sign-in behind the limits, with slow comparison of passwords. `now` is the time."""

    def __init__(self, database: Database, folder: Path, **settings: Any) -> None:
        self.database = database
        self.folder = folder
        self.settings = settings
        self.now = NOON
        self.compared = 0
        self.pauses: list[float] = []
        self.restart()

    def restart(self) -> None:
        """Start again with what is in the store."""
        collection = self.database.collection("sign_in_attempts")
        self.limits = SignInLimits(collection, store_settings(self.folder, **self.settings), self._pause)

    async def knock(self, password: str, account: str = "ada", address: str = HOME) -> str:
        """Return the result of an attempt. The password `right` is correct, and `busy` finds the queue full."""
        try:
            async with self.limits.attempt(account, address, lambda: self.now) as attempt:
                if password == "busy":
                    raise Overloaded("later")
                self.compared += 1
                await asyncio.sleep(0.002)
                if password != "right":
                    attempt.failed()
                    return "wrong"
                attempt.succeeded()
                return "in"
        except TooMany as refused:
            return "refused" if 0 < refused.retry_after <= 900 else "refused for no time"
        except Overloaded:
            return "busy"

    async def knock_all(self, *passwords: str, **more: Any) -> Counter[str]:
        """Return the results of concurrent attempts."""
        return Counter(await asyncio.gather(*(self.knock(each, **more) for each in passwords)))

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def answering_too_late(call: Any) -> Any:
    """Return a store call that is carried out, but whose answer is lost."""

    async def lost(*args: Any, **kwargs: Any) -> None:
        await call(*args, **kwargs)
        raise StoreUnavailable("lost")

    return lost


@pytest.fixture
def door(database: Database, tmp_path: Path) -> Door:
    """A sign-in with the default limits."""
    return Door(database, tmp_path)


async def test_of_forty_guesses_at_once_five_are_compared(door: Door) -> None:
    assert await door.knock_all(*["guess"] * 40) == {"wrong": 5, "refused": 35}
    assert door.compared == 5
    assert await door.knock("right") == "refused"


async def test_of_guesses_at_many_accounts_at_once_twenty_are_compared(door: Door) -> None:
    results = await asyncio.gather(*(door.knock("guess", f"name {number}") for number in range(60)))
    assert Counter(results) == {"wrong": 20, "refused": 40}


async def test_right_passwords_at_once_all_get_in(door: Door) -> None:
    assert await door.knock_all(*["right"] * 30) == {"in": 30}
    results = await asyncio.gather(*(door.knock("right", f"name {number}") for number in range(60)))
    assert Counter(results) == {"in": 60}
    assert await door.knock_all(*["guess"] * 9) == {"wrong": 5, "refused": 4}


async def test_an_attempt_that_was_not_compared_counts_for_nothing(door: Door) -> None:
    assert await door.knock_all(*["busy"] * 30) == {"busy": 30}
    assert await door.knock_all(*["guess"] * 9) == {"wrong": 5, "refused": 4}


async def test_the_owner_gets_in_from_another_address(door: Door) -> None:
    for number in range(20):
        await door.knock_all(*["guess"] * 6, address=f"203.0.113.{number}")
    assert door.compared == 100
    assert await door.knock("right", address=ELSEWHERE) == "in"


async def test_too_many_failures_from_anywhere_slow_an_account_down_and_no_other(door: Door) -> None:
    for number in range(10):
        await door.knock_all(*["guess"] * 5, address=f"203.0.113.{number}")
    assert door.pauses == []
    assert await door.knock("right", address=ELSEWHERE) == "in"
    assert door.pauses == [0.5]
    assert await door.knock("right", "bob", ELSEWHERE) == "in"
    assert door.pauses == [0.5]
    door.now += timedelta(seconds=901)
    assert await door.knock("right", address=ELSEWHERE) == "in"
    assert door.pauses == [0.5]


async def test_the_counts_survive_a_restart(door: Door) -> None:
    await door.knock_all(*["guess"] * 5)
    door.restart()
    assert await door.knock("right") == "refused"
    assert await door.knock("right", address=ELSEWHERE) == "in"


async def test_a_window_begins_anew_when_it_is_over(door: Door) -> None:
    await door.knock_all(*["guess"] * 5)
    door.now += timedelta(seconds=900)
    assert await door.knock_all(*["guess"] * 40) == {"wrong": 5, "refused": 35}


async def test_a_success_forgives_the_account_and_not_the_address(door: Door) -> None:
    for _ in range(5):
        await door.knock_all(*["guess"] * 4)
        last = await door.knock("right")
    assert last == "refused"
    assert door.compared == 4 * 5 + 4


async def test_sign_ins_during_an_outage_of_the_store_lock_nobody_out(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = door.limits._sign_in_limits
    for name in ("find_one_and_update", "update_one"):
        monkeypatch.setattr(collection, name, answering_too_late(getattr(collection, name)))
    for _ in range(12):
        with pytest.raises(StoreUnavailable):
            await door.knock("right")
    monkeypatch.undo()
    assert await door.knock("right") == "in"
    assert await door.knock_all(*["guess"] * 9) == {"wrong": 5, "refused": 4}


async def test_nothing_is_kept_in_memory_for_attempts_that_are_over(door: Door) -> None:
    await door.knock_all(*["guess"] * 40, *["right"] * 10, *["busy"] * 5)
    assert (door.limits._lines, door.limits._owed) == ({}, {})


async def test_old_counts_are_deleted(door: Door) -> None:
    await door.knock("guess")
    await door.limits.forget_old(NOON + timedelta(seconds=901))
    assert await door.database.collection("sign_in_attempts").count_documents({}) == 0
