"""A server that is killed loses nothing, duplicates have the same id, and a replaced server changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.operation.webhooks.bench import Bench, Crash, CrashPoint
from tests.operation.webhooks.conftest import MakeBench

pytestmark = pytest.mark.gen_test(timeout=120)

OWN = ("webhook_cursor", "webhook_batches", "webhook_users", "webhook_calls")
"""The collections of webhooks."""

MOST_WRITES = 60
"""More than one run of the scenario writes. The test checks that it is enough."""


async def life(bench: Bench) -> None:
    """Change users and calls, and send what happens."""
    ada, ben = await bench.add_user("ada"), await bench.add_user("ben")
    await bench.deliver()
    for user_id in (ada, ben):
        await bench.put(user_id, is_online=True)
    call = await bench.call(ada, ben)
    await bench.deliver()
    await bench.hang_up(call)
    await bench.put(ada, is_busy=True)
    await bench.deliver()
    await bench.put(ben, is_online=False)
    await bench.deliver()


async def empty(bench: Bench) -> None:
    """Empty the store."""
    for name in ("users", "calls", "call_claims", *OWN):
        await bench.database.collection(name).delete_many({})


def check_all_told(bench: Bench) -> None:
    """What the receiver knows is what is so, and it was told in order."""
    told = {user_id: without_time(status) for user_id, status in bench.receiver.statuses().items()}
    now = {
        entry.profile.user_id: (entry.status.is_online, entry.status.is_busy, entry.status.is_available)
        for entry in bench.core.registry
    }
    assert told == now
    calls = bench.receiver.calls()
    assert len(calls) == len(set(calls)), "told twice under another id"
    for kind, call_id in calls:
        if kind == "call.ended":
            assert ("call.started", call_id) in calls[: calls.index((kind, call_id))]
    by_epoch: dict[str, list[int]] = {}
    for event in bench.receiver.events:
        by_epoch.setdefault(event["epoch"], []).append(event["seq"])
    assert all(seqs == sorted(seqs) for seqs in by_epoch.values())


def without_time(status: dict[str, Any]) -> tuple[bool, bool, bool]:
    return status["is_online"], status["is_busy"], status["is_available"]


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies", ["at a write", "while sending"])
async def test_a_server_that_is_killed_at_any_point_loses_nothing(bench: MakeBench, is_after: bool, dies: str) -> None:
    crashes = 0
    for at in range(1, MOST_WRITES):
        one = bench()
        await empty(one)
        point = CrashPoint(at, is_after=is_after)
        if dies == "while sending":
            one.receiver.point, point = point, CrashPoint()
        try:
            await one.start(point)
            await life(one)
        except Crash:
            crashes += 1
        else:
            break
        two = bench(time=one.time)
        two.receiver = one.receiver
        two.receiver.point = CrashPoint()
        await two.start()
        await two.deliver()
        check_all_told(two)
        stored = {call["_id"] for call in await two.database.collection("calls").find({})}
        assert {call_id for _, call_id in two.receiver.calls()} == stored, at
    else:
        pytest.fail("the scenario has more writes than MOST_WRITES")
    assert crashes > 2


@pytest.fixture
def pair(bench: MakeBench) -> tuple[Bench, Bench]:
    """Two servers that share a database. Neither can know whether the other is only paused."""
    shared = {
        "mongodb_url": "mongodb://localhost/", "redis_url": "redis://localhost/", "lease_seconds": 6.0,
        "lease_renew_seconds": 2.0,
    }  # fmt: skip
    one = bench(holder="one", **shared)
    two = bench(holder="two", time=one.time, **shared)
    two.receiver = one.receiver
    return one, two


def pass_time(seconds: float, *benches: Bench) -> None:
    """Let time pass for all of them."""
    benches[0].time.seconds += seconds
    for bench in benches:
        bench.core.environment.clock.tick()


async def test_one_of_two_servers_sends_until_it_stops(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.start()
    await two.start()
    for _ in range(10):
        pass_time(1.0, one, two)
        await one.deliver()
        await two.deliver()
    assert (one.lease.is_held, two.lease.is_held) == (True, False)
    await one.lease.release()
    pass_time(1.0, one, two)
    await two.deliver()
    assert (one.lease.is_held, two.lease.is_held) == (False, True)


async def test_another_server_takes_over_after_the_lease(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.start()
    ada = await one.add_user("ada")
    await one.put(ada, is_busy=True)
    await two.start()
    for _ in range(6):
        pass_time(1.0, one, two)
        await two.deliver()
    assert not two.lease.is_held
    await replaced(one, two)
    assert one.receiver.statuses()[ada]["is_busy"] is True
    assert not one.lease.is_held


async def replaced(one: Bench, two: Bench) -> None:
    """Let the second server take over while the first one does nothing."""
    for _ in range(9):
        pass_time(1.0, one, two)
        await two.deliver()
    assert two.lease.is_held


class Stop(CrashPoint):
    """Lets another server take over at a write, and then goes on, as a process that was paused does."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.work: Any = None

    async def pass_by(self, write: Any) -> Any:
        """Carry out a write, perhaps late."""
        self.writes += 1
        if self.writes == self.at:
            await self.work()
        return await write()


async def test_a_server_that_was_paused_at_any_write_and_replaced_makes_nothing_wrong(
    bench: MakeBench, pair: tuple[Bench, Bench]
) -> None:
    for at in range(1, MOST_WRITES):
        one, two = pair
        await empty(one)
        one.receiver.received.clear()
        point = Stop(at)

        async def pause(one: Bench = one, two: Bench = two) -> None:
            await two.start()
            await replaced(one, two)

        point.work = pause
        await one.start(point)
        await life(one)
        if point.writes < at:
            break
        if not hasattr(two, "core"):
            continue
        # What the first server did after its pause is known to the second one by the log.
        three = Bench(one.database, one.plain, time=one.time, holder="three")
        three.receiver = one.receiver
        await three.start()
        await three.deliver()
        check_all_told(three)
    else:
        pytest.fail("the scenario has more writes than MOST_WRITES")
