"""Three servers on one Redis and one MongoDB behave as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import websockets

from chaos.crowd import Member
from chaos.program import until as seconds_until
from tests.clients import PATIENCE_SECONDS
from tests.cluster.conftest import MakeRedis
from tests.cluster.nodes import Nodes

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

OFFLINE = ("disconnected", "timed_out")


async def until(condition: Callable[[], Any], *, seconds: float = 20.0) -> None:
    """Wait until a condition holds, which may be awaitable."""
    assert await seconds_until(condition, seconds=seconds) < seconds


def offlines(watcher: Member) -> list[int]:
    """Return the users whom the watcher was told to be offline for lack of evidence."""
    return [each["user_id"] for each in watcher.told("user_status_update") if each["reason"] in OFFLINE]


async def test_a_user_on_one_server_is_seen_on_all_with_the_same_seq(make: Callable[..., Nodes]) -> None:
    nodes = make()
    ada, *watching = await nodes.people(4)
    await nodes.start()
    watchers = [await nodes.enter(number, person, watches=True) for number, person in enumerate(watching)]
    await nodes.enter(0, ada)
    await until(lambda: all(each.of(ada.user_id) for each in watchers))
    assert len({each.of(ada.user_id)[0]["seq"] for each in watchers}) == 1
    answers = await nodes.statuses(ada, [ada.user_id])
    assert [status["is_online"] for (status,) in answers] == [True, True, True]


async def test_one_of_many_callers_on_all_servers_gets_the_callee(make: Callable[..., Nodes]) -> None:
    nodes = make()
    callee, *callers = await nodes.people(13)
    await nodes.start()
    await nodes.enter(0, callee)
    for number, caller in enumerate(callers):
        await nodes.enter(number % 3, caller)
    for _ in range(10):
        body = {"callee_id": callee.user_id, "call_type": "audio"}
        answers = await asyncio.gather(
            *(nodes.on(number % 3, caller).post("/calls/start", body) for number, caller in enumerate(callers))
        )
        started = [answer for answer in answers if answer.status == 200]
        assert [answer.status for answer in answers].count(409) == len(callers) - 1
        assert len(started) == 1
        caller = next(each for each in callers if each.user_id == started[0].body["caller_id"])
        ended = await nodes.on(1, caller).post("/calls/end", {"call_id": started[0].body["call_id"]})
        assert ended.status == 200
        await until(lambda: nobody_is_busy(nodes, callee, [each.user_id for each in (callee, *callers)]))


async def nobody_is_busy(nodes: Nodes, person: Any, user_ids: list[int]) -> bool:
    """Return whether all servers agree that nobody is busy."""
    return not any(status["is_busy"] for answer in await nodes.statuses(person, user_ids) for status in answer)


async def test_one_user_toggled_on_all_servers_ends_in_one_state(make: Callable[..., Nodes]) -> None:
    nodes = make()
    ada, *watching = await nodes.people(4)
    await nodes.start()
    watchers = [await nodes.enter(number, person, watches=True) for number, person in enumerate(watching)]
    await nodes.enter(0, ada)

    async def toggle(number: int) -> None:
        for each in range(40):
            answer = await nodes.on(number, ada).put("/users/me/status", {"is_busy": each % 2 == number % 2})
            assert answer.status == 200, answer.body

    await asyncio.gather(*(toggle(number) for number in range(3)))
    await asyncio.sleep(2)
    (one,), (two,), (three,) = await nodes.statuses(ada, [ada.user_id])
    told = {watcher.of(ada.user_id)[-1]["status"]["is_busy"] for watcher in watchers}
    assert {one["is_busy"], two["is_busy"], three["is_busy"]} == told
    assert len(told) == 1


async def test_users_of_a_killed_server_are_offline_once_unless_they_come_back(make: Callable[..., Nodes]) -> None:
    nodes = make(grace_seconds=4, lease_seconds=2.5, lease_renew_seconds=0.5)
    watching, *crowd = await nodes.people(41)
    await nodes.start()
    watcher = await nodes.enter(0, watching, watches=True)
    for person in crowd:
        await nodes.enter(2, person)
    await until(lambda: len(watcher.told("user_status_update")) > len(crowd))
    nodes.servers[2].kill()
    await asyncio.sleep(1)
    for number, person in enumerate(crowd[:30]):
        await nodes.enter(number % 2, person)
    await until(lambda: len(offlines(watcher)) == 10, seconds=15)
    await asyncio.sleep(3)
    assert sorted(offlines(watcher)) == [person.user_id for person in crowd[30:]]
    one, two = await nodes.statuses(watching, [person.user_id for person in crowd])
    assert one == two


async def test_a_server_that_was_paused_announces_nobody(make: Callable[..., Nodes]) -> None:
    nodes = make(lease_seconds=2.5, lease_renew_seconds=0.5)
    watching, *crowd = await nodes.people(11)
    await nodes.start()
    watcher = await nodes.enter(0, watching, watches=True)
    for person in crowd:
        await nodes.enter(2, person)
    nodes.servers[2].pause()
    await asyncio.sleep(6)
    nodes.servers[2].resume()
    await asyncio.sleep(20)
    assert offlines(watcher) == []
    answers = await nodes.statuses(watching, [person.user_id for person in crowd])
    assert all(status["is_online"] for answer in answers for status in answer)


@pytest.mark.parametrize("options", [("--appendonly", "yes", "--appendfsync", "everysec"), ()])
async def test_sockets_outlive_a_restart_of_redis(
    make: Callable[..., Nodes], make_redis: MakeRedis, options: tuple[str, ...]
) -> None:
    redis = make_redis(*options)
    nodes = make(redis=redis)
    ada, grace, *watching = await nodes.people(5)
    await nodes.start()
    watchers = [await nodes.enter(number, person, watches=True) for number, person in enumerate(watching)]
    member = await nodes.enter(0, ada)
    other = await nodes.enter(1, grace)
    await until(lambda: all(each.of(ada.user_id) and each.of(grace.user_id) for each in watchers))
    redis.kill()
    await asyncio.sleep(1)
    refused = await nodes.on(0, ada).put("/users/me/status", {"is_busy": True})
    assert refused.status == 503
    assert (await nodes.servers[0].api.get("/readyz")).body == {"status": "ready", "redis": "down"}
    redis.start()
    await until(lambda: can_change(nodes, ada), seconds=10)
    await until(lambda: all(each.of(ada.user_id)[-1]["status"]["is_busy"] for each in watchers), seconds=10)
    assert all(each.is_open for each in (member, other, *watchers))
    assert [offlines(each) for each in watchers] == [[], [], []]
    answers = await nodes.statuses(ada, [ada.user_id, grace.user_id])
    assert answers[0] == answers[1] == answers[2]


async def can_change(nodes: Nodes, person: Any) -> bool:
    """Return whether a change is answered."""
    return bool((await nodes.on(0, person).put("/users/me/status", {"is_busy": True})).status == 200)


async def test_signing_out_on_one_server_closes_the_sockets_on_another(make: Callable[..., Nodes]) -> None:
    nodes = make()
    (ada,) = await nodes.people(1)
    await nodes.start()
    member = await nodes.enter(1, ada)
    assert (await nodes.on(0, ada).post("/auth/logout", {})).status == 200
    await asyncio.wait_for(asyncio.shield(member.ended), PATIENCE_SECONDS)
    assert (await nodes.on(2, ada).get("/users/me")).status == 401


async def test_a_ticket_of_one_server_opens_a_socket_on_another(make: Callable[..., Nodes]) -> None:
    nodes = make()
    (ada,) = await nodes.people(1)
    await nodes.start()
    ticket = (await nodes.on(0, ada).post("/auth/ticket", {})).body["ticket"]
    url = f"ws://127.0.0.1:{nodes.servers[2].port}/ws/feed?ticket={ticket}"
    async with websockets.connect(url) as socket:
        assert '"connection_established"' in str(await socket.recv())


async def test_a_client_resumes_on_another_server(make: Callable[..., Nodes]) -> None:
    nodes = make()
    ada, grace, mary, zoe = await nodes.people(4)
    await nodes.start()
    member = await nodes.enter(0, ada, watches=True)
    established = member.told("connection_established")[0]
    there = await nodes.enter(2, zoe, watches=True)
    await until(lambda: bool(member.of(zoe.user_id)))
    await nodes.enter(1, grace)
    await until(lambda: bool(member.of(grace.user_id)))
    seq = member.of(grace.user_id)[0]["seq"]
    await nodes.enter(1, mary)
    await until(lambda: bool(member.of(mary.user_id) and there.of(mary.user_id)))
    url = f"ws://127.0.0.1:{nodes.servers[2].port}/ws/feed?token={ada.token}&epoch={established['epoch']}&since={seq}"
    async with websockets.connect(url) as socket:
        told = [json.loads(await socket.recv()) for _ in range(4)]
    assert told[0]["resumed"]
    assert {each["user_id"] for each in told if each["type"] == "user_status_update"} == {ada.user_id, mary.user_id}
