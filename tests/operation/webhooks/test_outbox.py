"""What is stored for sending, and what is found after a start that nobody was told of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.calls import ended
from models.webhook_batches import StoredBatch, batch_id
from tests.operation.webhooks.bench import Bench, CrashPoint
from tests.operation.webhooks.conftest import MakeBench
from tests.realtime.world import NOON

pytestmark = pytest.mark.gen_test(timeout=60)


def types(bench: Bench) -> list[str]:
    return [event["type"] for event in bench.receiver.events]


async def test_history_is_not_replayed_when_webhooks_are_switched_on(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    await one.put(ada, is_online=True)
    await one.put(ben, is_online=True)
    call = await one.call(ada, ben)
    await one.hang_up(call)
    ongoing = await one.call(ada, ben)
    for name in ("webhook_cursor", "webhook_batches", "webhook_users", "webhook_calls"):
        await one.database.collection(name).delete_many({})
    two = bench()
    await two.start()
    await two.deliver()
    await two.deliver()
    assert types(two) == []
    await two.hang_up(ongoing)
    await two.deliver()
    assert two.receiver.calls() == [("call.ended", ongoing.call_id)]


async def test_changes_are_sent_in_batches_in_their_order(bench: MakeBench) -> None:
    one = bench(webhook_batch_events=2)
    await one.start()
    ids = [await one.add_user(f"u{number}") for number in range(5)]
    await one.deliver()
    assert [len(events) for events in one.receiver.received.values()] == [2, 2, 1]
    assert [event["data"]["user_id"] for event in one.receiver.events] == ids
    assert types(one) == ["user.created"] * 5
    assert [event["seq"] for event in one.receiver.events] == [1, 2, 3, 4, 5]
    assert await one.plain.webhook_batches.newest(1) == []


async def test_a_restart_without_a_change_tells_nothing(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada = await one.add_user("ada")
    await one.put(ada, is_busy=True)
    await one.deliver()
    await one.lease.release()
    two = bench()
    await two.start()
    await two.deliver()
    assert types(two) == []


async def test_what_was_saved_and_not_told_before_a_crash_is_told_after_it(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada, ben, cy = [await one.add_user(name, f"ext-{name}") for name in ("ada", "ben", "cy")]
    for user_id in (ada, ben):
        await one.put(user_id, is_online=True)
    begun = await one.call(ada, ben)
    await one.deliver()
    await one.hang_up(begun)
    whole = await one.call(ben, ada)
    await one.hang_up(whole)
    lasting = await one.call(ada, ben)
    await one.put(cy, is_busy=True)
    dan = await one.add_user("dan")
    two = bench()
    await two.start()
    await two.deliver()
    assert two.receiver.statuses()[cy]["is_busy"] is True
    assert two.receiver.statuses()[cy]["external_id"] == "ext-cy"
    assert ("user.created", dan) in [(each["type"], each["data"].get("user_id")) for each in two.receiver.events]
    expected = [
        ("call.ended", begun.call_id), ("call.started", whole.call_id), ("call.ended", whole.call_id),
        ("call.started", lasting.call_id),
    ]  # fmt: skip
    assert sorted(two.receiver.calls()) == sorted(expected)
    assert two.receiver.calls().index(expected[1]) < two.receiver.calls().index(expected[2])
    three = bench()
    await three.start()
    await three.deliver()
    assert types(three) == []


async def test_a_user_who_was_deleted_while_nobody_told_is_told_of_by_the_external_id(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada = await one.add_user("ada", "ext-ada")
    await one.deliver()
    await one.core.membership.delete(ada)
    two = bench()
    await two.start()
    await two.deliver()
    assert [(each["type"], each["data"]) for each in two.receiver.events] == [
        ("user.deleted", {"user_id": ada, "external_id": "ext-ada"})
    ]
    assert await two.plain.webhook_told.users(0, 10) == []


async def test_a_user_whom_only_this_server_does_not_know_yet_was_not_deleted(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada = await one.add_user("ada")
    await one.deliver()
    two = bench()
    two.build(CrashPoint())
    await two.outbox.step()
    await two.deliver()
    assert types(two) == []
    assert ada == (await two.plain.webhook_told.users(0, 10))[0].user_id


async def test_events_that_did_not_fit_into_memory_are_replaced_by_the_latest_states(bench: MakeBench) -> None:
    one = bench(webhook_batch_events=2, webhook_unsaved_events=4)
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    await one.deliver()
    for number in range(10):
        await one.put(ada, is_busy=number % 2 == 0)
    await one.put(ben, is_busy=True)
    await one.deliver()
    assert types(one)[2:] == ["status.changed"]
    assert {user_id: each["is_busy"] for user_id, each in one.receiver.statuses().items()} == {ada: False, ben: True}
    await one.put(ada, is_busy=True)
    await one.deliver()
    assert one.receiver.statuses()[ada]["is_busy"] is True


async def test_the_backlog_is_bounded_and_the_latest_states_follow(bench: MakeBench) -> None:
    one = bench(webhook_batch_events=2, webhook_unsaved_events=4, webhook_backlog_events=8)
    await one.start()
    ids = [await one.add_user(f"u{number}") for number in range(6)]
    one.receiver.failure = "HTTP 503"
    figures = one.core.webhooks.figures if one.core.webhooks else None
    assert figures is not None
    for round in range(5):
        for user_id in ids:
            await one.put(user_id, is_busy=round % 2 == 0)
            await one.deliver()
            assert figures.backlog <= 8
    one.receiver.failure = ""
    one.advance(1000)
    assert one.lease.is_held is False
    await one.deliver()
    await one.deliver()
    assert {user_id: each["is_busy"] for user_id, each in one.receiver.statuses().items()} == dict.fromkeys(ids, True)
    assert figures.backlog == 0


async def test_a_call_that_started_long_before_a_crash_is_not_told_again(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    for user_id in (ada, ben):
        await one.put(user_id, is_online=True)
    call = await one.call(ada, ben)
    await one.hang_up(call)
    await one.deliver()
    for _ in range(20):
        one.advance(2 * 86400 / 20)
        await one.deliver()
    await one.database.collection("webhook_calls").delete_many({})  # as if it had been forgotten
    two = bench(time=one.time)
    await two.start()
    await two.deliver()
    assert two.receiver.calls() == []


async def test_what_was_told_of_old_calls_is_forgotten(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    for user_id in (ada, ben):
        await one.put(user_id, is_online=True)
    call = await one.call(ada, ben)
    await one.hang_up(call)
    await one.deliver()
    one.advance(3)
    await one.deliver()
    assert await one.plain.webhook_told.calls([call.call_id]) != {}
    one.advance(2 * 86400)
    await one.deliver()
    one.advance(3)
    await one.deliver()
    one.outbox.compare_in(0)
    await one.deliver()
    assert await one.plain.webhook_told.calls([call.call_id]) == {}


async def test_a_call_that_is_over_in_the_store_alone_is_told_as_ended(bench: MakeBench) -> None:
    """The server that ended it died before the log had it."""
    one = bench()
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    for user_id in (ada, ben):
        await one.put(user_id, is_online=True)
    call = await one.call(ada, ben)
    await one.deliver()
    assert await one.plain.calls.end(ended(call, "dropped", one.time.wall(), None))
    two = bench()
    await two.start()
    await two.deliver()
    assert two.receiver.calls() == [("call.ended", call.call_id)]


async def test_a_comparison_that_is_due_later_waits(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    await one.deliver()
    figures = one.core.webhooks.figures if one.core.webhooks else None
    assert figures is not None
    one.outbox.compare_in(5)
    one.outbox.compare_in(3)
    one.outbox.compare_in(4)
    await one.deliver()
    assert figures.comparisons == 1
    one.advance(3)
    await one.deliver()
    assert figures.comparisons == 2


async def test_a_server_that_is_cut_off_from_the_log_lets_another_one_send(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    one.outbox.is_cut_off = lambda: True
    await one.deliver()
    assert not one.lease.is_held
    two = bench(mongodb_url="mongodb://localhost/", redis_url="redis://localhost/")
    await two.start()
    assert two.lease.is_held
    one.advance(10)
    await one.deliver()
    assert not one.lease.is_held


async def test_a_server_that_stops_stores_what_it_has_recorded_and_compares_nothing(bench: MakeBench) -> None:
    one = bench()
    await one.start()
    await one.deliver()
    ada = await one.add_user("ada")
    one.outbox.compare_in(0)
    await one.outbox.flush()
    await one.lease.release()
    figures = one.core.webhooks.figures if one.core.webhooks else None
    assert figures is not None
    assert figures.comparisons == 1
    await one.add_user("ben")
    await one.outbox.flush()
    (stored,) = await one.plain.webhook_batches.newest(10)
    assert (stored.count, f'"user_id":{ada}' in stored.body) == (1, True)


async def test_what_was_set_aside_long_ago_is_deleted(bench: MakeBench) -> None:
    one = bench()
    batches = one.plain.webhook_batches
    await batches.forget_set_aside(NOON)
    for number in range(250):
        stored = StoredBatch(
            batch_id=batch_id(1, number), webhook_id=f"msg_{number}", body="", told="", count=1, at=NOON
        )
        await batches.set_aside(stored, NOON + timedelta(hours=number), "HTTP 503")
    await batches.forget_set_aside(NOON + timedelta(hours=240))
    found, count = await batches.list_set_aside(10)
    assert (count, found[-1].webhook_id) == (10, "msg_240")


def test_ids_of_batches_sort_by_the_fence_and_the_number() -> None:
    ids = [batch_id(1, 2), batch_id(1, 10), batch_id(2, 1), batch_id(10, 1)]
    assert ids == sorted(ids)


async def test_issues_are_told_once_over_restarts_and_their_end_after_one(bench: MakeBench) -> None:
    one = bench(long_call_seconds=60.0)
    await one.start()
    ada, ben = await one.add_user("ada"), await one.add_user("ben")
    for user_id in (ada, ben):
        await one.put(user_id, is_online=True)
    call = await one.call(ada, ben)
    await one.deliver()
    one.advance(61)
    one.core.overview_feed.refresh()
    key = f"long_call:{call.call_id}"
    await one.core.acknowledgements.add([key], "maya", 600)
    await one.deliver()
    assert types(one)[-2:] == ["attention.started", "attention.acknowledged"]
    assert one.receiver.events[-1]["data"]["acknowledged"]["operator"] == "maya"
    (told,) = await one.plain.webhook_told.issues()
    assert key in told
    await one.lease.release()

    two = bench(long_call_seconds=60.0, time=one.time)
    await two.start()
    await two.core.acknowledgements.load()
    await two.deliver()
    two.core.overview_feed.refresh()
    await two.deliver()
    assert types(two) == []
    await two.hang_up(call)
    two.core.overview_feed.refresh()
    await two.deliver()
    assert types(two)[-1] == "attention.ended"
    assert two.receiver.events[-1]["data"]["key"] == key
    assert await two.plain.webhook_told.issues() == []
