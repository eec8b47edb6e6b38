"""Sending: order is kept, failures are retried, what is not received in time is set aside and can be sent again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.operation.webhooks.bench import Bench
from tests.operation.webhooks.conftest import MakeBench

pytestmark = pytest.mark.gen_test(timeout=60)

SPAN: dict[str, Any] = {
    "webhook_retry_first_seconds": 1.0, "webhook_retry_longest_seconds": 10.0, "webhook_retry_span_seconds": 60.0,
}  # fmt: skip


async def pass_time(bench: Bench, seconds: int) -> None:
    """Let time pass, and send what becomes due."""
    for _ in range(seconds):
        bench.advance(1)
        await bench.deliver()


async def with_users(bench: Bench, count: int) -> list[int]:
    """Start, and have some users told."""
    await bench.start()
    ids = [await bench.add_user(f"u{number}") for number in range(count)]
    await bench.deliver()
    return ids


def figures(bench: Bench) -> Any:
    assert bench.core.webhooks is not None
    return bench.core.webhooks.figures


async def test_a_batch_is_retried_under_the_same_id_with_growing_delays(bench: MakeBench) -> None:
    one = bench(**SPAN)
    (ada,) = await with_users(one, 1)
    one.receiver.attempts.clear()
    one.receiver.failure = "HTTP 503"
    await one.put(ada, is_busy=True)
    await one.deliver()
    counts = []
    for _ in range(16):
        await pass_time(one, 1)
        counts.append(len(one.receiver.attempts))
    assert counts == [2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]
    assert len(set(one.receiver.attempts)) == 1
    cursor = one.lease.cursor
    assert (cursor.failure, cursor.failing_since is None) == ("HTTP 503", False)
    one.receiver.failure = ""
    await pass_time(one, 10)
    assert one.receiver.statuses()[ada]["is_busy"] is True
    assert (one.lease.cursor.failure, one.lease.cursor.failing_since) == ("", None)
    assert figures(one).attempts == {"received": 2, "failed": 5}


async def test_no_later_batch_overtakes_one_that_fails(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1)
    ids = await with_users(one, 3)
    one.receiver.refuses = lambda events: events[0]["data"]["user_id"] == ids[0]
    for user_id in ids:
        await one.put(user_id, is_busy=True)
    await pass_time(one, 5)
    assert not any(status["is_busy"] for status in one.receiver.statuses().values())
    one.receiver.refuses = lambda _events: False
    await pass_time(one, 10)
    assert [event["data"]["user_id"] for event in one.receiver.events[3:]] == ids


async def test_a_batch_that_is_never_received_is_set_aside_and_later_ones_pass(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1)
    ids = await with_users(one, 3)
    one.receiver.refuses = lambda events: events[0]["data"]["user_id"] == ids[0]
    for user_id in ids:
        await one.put(user_id, is_busy=True)
    await pass_time(one, 58)
    assert figures(one).backlog == 3
    await pass_time(one, 20)
    assert [event["data"]["user_id"] for event in one.receiver.events[3:]] == ids[1:]
    (aside,), total = await one.plain.webhook_batches.list_set_aside(10)
    assert (aside.count, aside.failure, aside.again, total) == (1, "HTTP 400", False, 1)
    assert (figures(one).backlog, figures(one).set_aside) == (0, 1)


async def test_batches_of_a_receiver_that_is_down_are_set_aside_without_an_attempt_for_each(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1)
    ids = await with_users(one, 20)
    one.receiver.failure = "HTTP 503"
    for user_id in ids:
        await one.put(user_id, is_busy=True)
    await pass_time(one, 59)
    before = len(one.receiver.attempts)
    await pass_time(one, 12)
    assert len(one.receiver.attempts) - before <= 4
    assert await one.plain.webhook_batches.count_set_aside() == 20
    one.receiver.failure = ""
    await one.put(ids[0], is_busy=False)
    await pass_time(one, 11)
    assert one.receiver.statuses()[ids[0]]["is_busy"] is False


async def set_aside(bench: Bench, count: int) -> list[int]:
    """Have the changes of some users set aside."""
    ids = await with_users(bench, count)
    bench.receiver.failure = "HTTP 503"
    for user_id in ids:
        await bench.put(user_id, is_busy=True)
    await pass_time(bench, 75)
    assert await bench.plain.webhook_batches.count_set_aside() == count
    bench.receiver.failure = ""
    return ids


async def test_what_was_set_aside_is_sent_again_when_an_operator_asks(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1)
    await set_aside(one, 3)
    newest, *_ = (await one.plain.webhook_batches.list_set_aside(10))[0]
    attempts = len(one.receiver.attempts)
    assert await one.plain.webhook_batches.ask_again(newest.batch_id) == 1
    await one.deliver()
    assert one.receiver.attempts[attempts:] == [newest.webhook_id]
    assert await one.plain.webhook_batches.count_set_aside() == 2
    assert await one.plain.webhook_batches.ask_again(None) == 2
    await one.deliver()
    assert await one.plain.webhook_batches.count_set_aside() == 0
    assert await one.plain.webhook_batches.ask_again("none") == 0
    assert all(status["is_busy"] for status in one.receiver.statuses().values())


async def test_what_fails_again_stays_set_aside_with_the_new_failure(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1)
    await set_aside(one, 2)
    one.receiver.failure = "HTTP 500"
    attempts = len(one.receiver.attempts)
    await one.plain.webhook_batches.ask_again(None)
    await pass_time(one, 5)
    assert len(one.receiver.attempts) == attempts + 1
    found, _ = await one.plain.webhook_batches.list_set_aside(10)
    assert [(each.failure, each.again) for each in found] == [("HTTP 500", False)] * 2


async def test_only_so_many_batches_are_kept_set_aside(bench: MakeBench) -> None:
    one = bench(**SPAN, webhook_batch_events=1, webhook_set_aside_batches=2)
    ids = await with_users(one, 5)
    one.receiver.failure = "HTTP 503"
    for user_id in ids:
        await one.put(user_id, is_busy=True)
    await pass_time(one, 75)
    found, total = await one.plain.webhook_batches.list_set_aside(10)
    assert total == 2
    one.receiver.failure = ""
    await one.plain.webhook_batches.ask_again(None)
    await one.deliver()
    assert [user_id for user_id, each in one.receiver.statuses().items() if each["is_busy"]] == ids[3:]
    assert found[0].batch_id > found[1].batch_id


async def test_a_restart_goes_on_with_the_batch_that_fails(bench: MakeBench) -> None:
    one = bench(**SPAN)
    (ada,) = await with_users(one, 1)
    one.receiver.failure = "HTTP 503"
    await one.put(ada, is_busy=True)
    await one.deliver()
    await one.put(ada, is_busy=False)
    await one.deliver()
    two = bench(time=one.time, **SPAN)
    two.receiver = one.receiver
    await two.start()
    two.receiver.failure = ""
    await two.deliver()
    assert [each["data"]["status"]["is_busy"] for each in two.receiver.events] == [False, True, False]
    assert one.receiver.attempts[1] == one.receiver.attempts[2]


async def test_a_server_without_the_lease_sends_nothing(bench: MakeBench) -> None:
    one = bench(**SPAN)
    (ada,) = await with_users(one, 1)
    await one.put(ada, is_busy=True)
    await one.outbox.step()
    one.advance(1000)
    assert await one.delivery.step() is False
    assert len(one.receiver.attempts) == 1
