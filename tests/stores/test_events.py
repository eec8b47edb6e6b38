"""Events in the store: kept once, newest first, removed by age and by number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import events as events_module
from models import timed_list
from models.events import Event
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def event(number: int, user_id: int = 1, **fields: Any) -> Event:
    """An event `number` seconds after noon."""
    at = NOON + timedelta(seconds=number)
    return Event(
        **{
            "event_id": f"{number:06}", "at": at, "kind": "available", "user_id": user_id,
            "username": f"user{user_id}", "cause": "connected", **fields,
        }
    )  # fmt: skip


CALL = [
    event(3, 1, kind="call_started", cause="call_started", other_id=2, other_name="user2", call_id="c1"),
    event(4, 1, kind="busy", cause="call_started", call_id="c1"),
    event(9, 1, kind="call_ended", cause="completed", other_id=2, other_name="user2", call_id="c1", duration_seconds=6),
]


def numbers(found: list[Event]) -> list[int]:
    return [int(each.event_id) for each in found]


async def test_an_event_comes_back_as_it_was_kept(stores: Stores) -> None:
    given = [event(1, operator="maya"), *CALL]
    await stores.events.add_many(given)
    found, total = await stores.events.page(skip=0, limit=10)
    assert (found, total) == (given[::-1], 4)


async def test_events_that_are_kept_already_stay_and_the_others_go_in(stores: Stores) -> None:
    await stores.events.add_many([event(1), event(2)])
    await stores.events.add_many([event(1, cause="other"), event(2), event(3)])
    found, total = await stores.events.page(skip=0, limit=10)
    assert (numbers(found), total) == ([3, 2, 1], 3)
    assert found[-1].cause == "connected"


async def test_no_events_are_kept_by_writing_none(stores: Stores) -> None:
    await stores.events.add_many([])
    assert await stores.events.page(skip=0, limit=10) == ([], 0)


async def test_pages_follow_each_other_newest_first(stores: Stores) -> None:
    await stores.events.add_many([event(number) for number in range(25)])
    pages = [await stores.events.page(skip=skip, limit=10) for skip in (0, 10, 20)]
    assert [number for found, _ in pages for number in numbers(found)] == list(range(24, -1, -1))
    assert {total for _, total in pages} == {25}


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({"kind": "busy"}, [4]),
        ({"user_id": 2}, [9, 3, 2]),
        ({"user_id": 1}, [9, 4, 3, 1]),
        ({"user_id": 2, "kind": "call_ended"}, [9]),
        ({"user_id": 2, "kind": "busy"}, []),
        ({"user_id": 7}, []),
    ],
)
async def test_a_call_is_an_event_of_both_its_parties(
    stores: Stores, narrowed: dict[str, Any], expected: list[int]
) -> None:
    await stores.events.add_many([event(1, 1), event(2, 2), *CALL])
    found, total = await stores.events.page(**narrowed, skip=0, limit=10)
    assert (numbers(found), total) == (expected, len(expected))


async def test_a_long_list_is_counted_up_to_a_limit(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_list, "COUNT_LIMIT", 5)
    await stores.events.add_many([event(number) for number in range(8)])
    found, total = await stores.events.page(skip=6, limit=10)
    assert (numbers(found), total) == ([1, 0], 5)


async def test_a_calls_timeline_is_oldest_first_and_nobody_elses(stores: Stores) -> None:
    await stores.events.add_many([event(1), *CALL, event(5, 3, call_id="c2")])
    assert await stores.events.of_call("c1") == CALL
    assert await stores.events.of_call("c3") == []


async def test_a_users_last_day_is_newest_first_and_loses_the_oldest_to_the_limit(stores: Stores) -> None:
    await stores.events.add_many([event(0), *CALL, event(5, 3)])
    day: dict[str, Any] = {"start": NOON, "skip": 0, "limit": 10}
    assert numbers((await stores.events.page(user_id=2, **day))[0]) == [9, 3]
    third = {**day, "start": NOON + timedelta(seconds=3)}
    assert numbers((await stores.events.page(user_id=1, **third))[0]) == [9, 4, 3]
    assert numbers((await stores.events.page(user_id=1, **{**day, "limit": 2}))[0]) == [9, 4]


async def test_the_old_are_forgotten_however_many_there_are(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BULK_ROWS", 3)
    await stores.events.add_many([event(number) for number in range(10)])
    assert await stores.events.forget(NOON + timedelta(seconds=8)) == 8
    assert numbers((await stores.events.page(skip=0, limit=10))[0]) == [9, 8]
    assert await stores.events.forget(NOON + timedelta(seconds=8)) == 0


async def test_beyond_so_many_the_oldest_go(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BULK_ROWS", 3)
    await stores.events.add_many([event(number) for number in range(10)])
    assert await stores.events.trim(10) == 0
    assert await stores.events.trim(2) == 8
    assert numbers((await stores.events.page(skip=0, limit=10))[0]) == [9, 8]


async def test_all_can_be_gone_through_whatever_comes_meanwhile(stores: Stores) -> None:
    await stores.events.add_many([event(number) for number in range(10)])
    seen = []
    async for found in stores.events.listed().batches(4):
        seen += numbers(found)
        await stores.events.add_many([event(100 + len(seen))])
    assert seen == list(range(9, -1, -1))


async def test_what_is_gone_through_is_narrowed_as_a_page_is(stores: Stores) -> None:
    await stores.events.add_many([event(1), event(2, 2), *CALL])
    assert [numbers(found) async for found in stores.events.listed(user_id=2).batches(2)] == [[9, 3], [2]]
    started = stores.events.listed(user_id=2, kind="call_started")
    assert [numbers(found) async for found in started.batches(10)] == [[3]]


STATES = [
    event(10, kind="available"),
    event(20, kind="call_started", other_id=2),
    event(21, kind="busy"),
    event(30, kind="action", cause="clear_busy"),
    event(40, kind="offline"),
    event(41, 2, kind="offline"),
]


async def test_the_changes_of_a_users_state_are_found_by_time(stores: Stores) -> None:
    await stores.events.add_many(STATES)
    since, until = NOON + timedelta(seconds=10), NOON + timedelta(seconds=40)
    assert numbers(await stores.events.states(1, since, until, 10)) == [21, 10]
    assert numbers(await stores.events.states(1, since, until + timedelta(seconds=1), 2)) == [40, 21]


async def test_the_nearest_change_of_state_before_and_after_a_moment_is_found(stores: Stores) -> None:
    await stores.events.add_many(STATES)
    found = {}
    for second in (10, 11, 35, 40, 41):
        at = NOON + timedelta(seconds=second)
        nearest = (await stores.events.state_before(1, at), await stores.events.state_after(1, at))
        found[second] = [each and int(each.event_id) for each in nearest]
    assert found == {10: [None, 10], 11: [10, 21], 35: [21, 40], 40: [21, 40], 41: [40, None]}


async def test_events_are_complete_since_the_oldest_that_is_kept(stores: Stores) -> None:
    kept_since = NOON - timedelta(days=30)
    assert await stores.events.complete_since(kept_since, 3) == kept_since
    await stores.events.add_many(STATES[:2])
    assert await stores.events.complete_since(kept_since, 3) == kept_since
    await stores.events.add_many(STATES)
    assert await stores.events.complete_since(kept_since, 3) == NOON + timedelta(seconds=10)
    later = NOON + timedelta(hours=1)
    assert await stores.events.complete_since(later, 3) == later


async def test_the_events_between_two_ids_are_read_oldest_first(stores: Stores) -> None:
    await stores.events.add_many([event(number) for number in range(6)])
    first, more = await stores.events.between("000001", "000004", 2)
    assert ([each.event_id for each in first], more) == (["000002", "000003"], "000003")
    rest, more = await stores.events.between("000003", "000004", 2)
    assert ([each.event_id for each in rest], more) == (["000004"], None)
    rest, more = await stores.events.between("000003~", None, 9)
    assert ([each.event_id for each in rest], more) == (["000004", "000005"], None)


async def test_the_newest_event_that_will_be_trimmed_is_known_before(stores: Stores) -> None:
    await stores.events.add_many([event(number) for number in range(6)])
    assert await stores.events.last_surplus(6) is None
    assert await stores.events.last_surplus(4) == "000001"
    assert await stores.events.trim(4) == 2
    assert await stores.events.last_surplus(4) is None
