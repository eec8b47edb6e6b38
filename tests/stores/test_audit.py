"""The audit log: an entry is written before the action, only once even if repeated, and completed afterwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from models.audit import AuditEntry
from models.database import Database
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def entry(number: int, **fields: Any) -> AuditEntry:
    """An entry `number` seconds after noon."""
    given = AuditEntry(
        entry_id=f"request-{number}",
        at=NOON + timedelta(seconds=number),
        operator="maya",
        action="force_offline",
        target="user:12",
        target_name="john_doe",
        before="busy",
        after="",
        reason="left the desk",
        address="192.0.2.1",
        outcome="started",
    )
    return msgspec.structs.replace(given, **fields)


async def test_an_entry_is_begun_and_then_finished(stores: Stores) -> None:
    assert await stores.audit.begin(entry(1)) is None
    await stores.audit.finish("request-1", outcome="done", after="offline")
    assert await stores.audit.page(skip=0, limit=10) == ([entry(1, outcome="done", after="offline")], 1)


async def test_what_is_begun_twice_is_answered_with_the_first(stores: Stores) -> None:
    await stores.audit.begin(entry(1))
    await stores.audit.finish("request-1", outcome="done", after="offline")
    assert await stores.audit.begin(entry(1, reason="again")) == entry(1, outcome="done", after="offline")


async def test_of_many_who_begin_the_same_at_once_one_begins(stores: Stores) -> None:
    answers = await asyncio.gather(*(stores.audit.begin(entry(1)) for _ in range(8)))
    assert answers.count(None) == 1
    assert [each for each in answers if each is not None] == [entry(1)] * 7


async def test_pages_follow_each_other_newest_first(stores: Stores) -> None:
    for number in range(12):
        await stores.audit.begin(entry(number))
    pages = [await stores.audit.page(skip=skip, limit=5) for skip in (0, 5, 10)]
    assert [each for found, _ in pages for each in found] == [entry(number) for number in range(11, -1, -1)]
    assert {total for _, total in pages} == {12}


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({"operator": "sam"}, [2, 1]),
        ({"action": "sign_out"}, [3, 2]),
        ({"target": "call:c1"}, [1]),
        ({"operator": "sam", "action": "sign_out"}, [2]),
        ({"operator": "nobody"}, []),
    ],
)
async def test_a_page_is_narrowed_by_who_what_and_whom(
    stores: Stores, narrowed: dict[str, str], expected: list[int]
) -> None:
    given = [
        entry(0),
        entry(1, operator="sam", action="end_call", target="call:c1"),
        entry(2, operator="sam", action="sign_out"),
        entry(3, action="sign_out"),
    ]
    for each in given:
        await stores.audit.begin(each)
    found, total = await stores.audit.page(**narrowed, skip=0, limit=10)
    assert (found, total) == ([given[number] for number in expected], len(expected))


async def all_older(stores: Stores, limit: int, **narrowed: Any) -> list[AuditEntry]:
    """Read every entry in batches, and write a new entry after each batch."""
    found: list[AuditEntry] = []
    async for batch in stores.audit.listed(**narrowed).batches(limit):
        found += batch
        await stores.audit.begin(entry(1000 + len(found), **narrowed))
    return found


@pytest.mark.parametrize("narrowed", [{}, {"operator": "maya"}, {"target": "user:12", "action": "force_offline"}])
async def test_batches_hold_every_entry_once_while_others_are_written(stores: Stores, narrowed: dict[str, str]) -> None:
    given = [entry(number, at=NOON + timedelta(seconds=number // 5)) for number in range(23)]
    for each in given:
        await stores.audit.begin(each)
    expected = sorted(given, key=lambda each: (-each.at.timestamp(), each.entry_id))
    for limit in (1, 4, 5, 7, 50):
        found = await all_older(stores, limit, **narrowed)
        assert [each for each in found if each in given] == expected
        assert len(found) == len({each.entry_id for each in found})


async def test_batches_are_narrowed_as_pages_are(stores: Stores) -> None:
    given = [entry(number, operator="maya" if number % 2 else "sam") for number in range(6)]
    for each in given:
        await stores.audit.begin(each)
    batches = [batch async for batch in stores.audit.listed(operator="sam").batches(2)]
    assert batches == [[given[4], given[2]], [given[0]]]
    limited = stores.audit.listed(start=given[1].at, end=given[4].at)
    assert [batch async for batch in limited.batches(2)] == [[given[3], given[2]], [given[1]]]


async def test_what_waits_for_the_end_of_a_call_is_found_until_it_has_an_outcome(stores: Stores) -> None:
    for number in range(3):
        await stores.audit.begin(entry(number))
    for number in (2, 1):
        await stores.audit.wait(f"request-{number}", f"call-{number}")
    waiting = [entry(number, outcome="waiting", call_id=f"call-{number}") for number in (1, 2)]
    assert await stores.audit.waiting() == waiting
    await stores.audit.finish("request-1", outcome="done", after="offline")
    assert await stores.audit.waiting() == waiting[1:]


async def test_an_entry_of_an_older_server_has_no_call(stores: Stores, database: Database) -> None:
    document = msgspec.structs.asdict(entry(1, outcome="waiting"))
    document["_id"] = document.pop("entry_id")
    del document["call_id"]
    await database.collection("audit").insert_one(document)
    assert await stores.audit.waiting() == [entry(1, outcome="waiting")]


async def test_of_many_who_claim_an_action_that_waits_one_carries_it_out(stores: Stores) -> None:
    await stores.audit.begin(entry(1))
    assert not await stores.audit.claim("request-1")
    await stores.audit.wait("request-1", "call-1")
    answers = await asyncio.gather(*(stores.audit.claim("request-1") for _ in range(8)))
    assert answers.count(True) == 1
    assert not await stores.audit.claim("nobody")
    assert await stores.audit.waiting() == []


async def test_many_entries_are_written_at_once(stores: Stores) -> None:
    await stores.audit.add_all([])
    written = [entry(number) for number in range(3)]
    await stores.audit.add_all(written)
    assert (await stores.audit.page(skip=0, limit=10)) == (written[::-1], 3)
