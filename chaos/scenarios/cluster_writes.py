"""Clients of three servers change the same users at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from typing import Any

from chaos.check import Check, at_least, at_most, exactly, none
from chaos.cluster import NODES, Cluster, no_locks, running_cluster, running_redis
from chaos.crowd import enter
from chaos.lab import Lab
from chaos.program import until
from chaos.rest import Person
from chaos.seeding import differences
from chaos.watcher import Watcher, watch

CALLERS, ROUNDS = 50, 100
FREE_SECONDS = 10.0

TOGGLES = 1000
UNLIMITED: dict[str, Any] = {"request_burst": 100_000, "requests_per_second": 100_000}
SETTLE_SECONDS = 5.0


async def calls(lab: Lab) -> list[Check]:
    """Fifty callers on three servers call the same user at once, a hundred times: one gets through, and afterwards
    nobody is stuck in a call.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        callee, *callers = await lab.people(cluster.servers[0], CALLERS + 1)
        askers = await lab.people(cluster.servers[0], NODES)
        await cluster.start()
        for number, person in enumerate([callee, *callers]):
            await enter(cluster.servers[number % NODES].port, person)
        clients = [cluster.on(number % NODES, caller) for number, caller in enumerate(callers)]
        cluster.begin()
        rounds = [await _call(cluster, callee, clients, askers) for _ in range(ROUNDS)]
        cluster.note_load()
        answered = sum((answers for answers, _ in rounds), Counter[int]())
        statuses = await cluster.agreed(askers[0], [callee, *callers]) or {}
        lab.note(slowest_end_of_a_call_on_all_servers_in_s=max(seconds for _, seconds in rounds))
        return [
            exactly("rounds with one 200 and 49 × 409", sum(_is_right(each) for each, _ in rounds), ROUNDS),
            none("answers other than 200 and 409", sum(answered.values()) - answered[200] - answered[409]),
            none("rounds after which somebody stayed busy", sum(seconds == float("inf") for _, seconds in rounds)),
            exactly("users on whom all servers agree", len(statuses), CALLERS + 1),
            none("users who are busy at the end", sum(status["is_busy"] for status in statuses.values())),
            await no_locks(cluster.servers[0]),
        ]


async def toggles(lab: Lab) -> list[Check]:
    """One user is set busy and free on three servers at once, a thousand times: all servers, all sockets and the store
    end with the same state.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis, **UNLIMITED) as cluster:
        toggled, *watching = await lab.people(cluster.servers[0], 1 + NODES)
        await cluster.start()
        watchers = [await watch(cluster, node, person) for node, person in enumerate(watching)]
        own = [await watch(cluster, node, toggled) for node in range(NODES)]
        cluster.begin()
        began = time.monotonic()
        answered = await _toggle(cluster, toggled)
        seconds = time.monotonic() - began
        cluster.note_load()
        settled = await until(lambda: _is_one_state(cluster, toggled, [*watchers, *own]), seconds=SETTLE_SECONDS)
        await until(cluster.servers[0].is_saved, seconds=SETTLE_SECONDS)
        states = await _states(cluster, toggled, [*watchers, *own])
        lab.note(toggles_per_second=TOGGLES / seconds)
        return [
            exactly("toggles answered with 200", answered[200], TOGGLES),
            exactly("different states in memories and on sockets", len(states), 1),
            at_most("time until there is one", settled, SETTLE_SECONDS, "s"),
            none("differences between the store and a server", await _stored_differences(cluster, toggled)),
            at_least("changes announced", len(watchers[0].changes_of(toggled.user_id)), 2),
            exactly("different orders of these on sockets", len({_order(each, toggled) for each in watchers}), 1),
        ]


async def _call(
    cluster: Cluster, callee: Person, clients: list[Person], askers: list[Person]
) -> tuple[Counter[int], float]:
    """All call at once, and the call is ended on another server. Returns the answers, and the seconds until all
    servers show that nobody is busy.
    """
    body = {"callee_id": callee.user_id, "call_type": "audio"}
    answers = await asyncio.gather(*(client.post("/calls/start", body) for client in clients))
    for client, answer in zip(clients, answers, strict=True):
        if answer.status == 200:
            elsewhere = cluster.on(secrets.randbelow(NODES), client)
            await elsewhere.post("/calls/end", {"call_id": answer.body["call_id"]})
            elsewhere.close()
    people = [callee, *clients]
    free = await until(lambda: _nobody_is_busy(cluster, askers, people), seconds=FREE_SECONDS, every=0.1)
    return Counter(answer.status for answer in answers), free


def _is_right(answers: Counter[int]) -> bool:
    return answers == {200: 1, 409: CALLERS - 1}


async def _nobody_is_busy(cluster: Cluster, askers: list[Person], people: list[Person]) -> bool:
    answers = await asyncio.gather(*(cluster.statuses(node, asker, people) for node, asker in enumerate(askers)))
    return not any(status["is_busy"] for answer in answers for status in answer.values())


async def _toggle(cluster: Cluster, person: Person) -> Counter[int]:
    """Each server gets its share, one toggle after another. Returns how often each status was received."""
    answered: Counter[int] = Counter()

    async def go_on(node: int) -> None:
        client = cluster.on(node, person)
        for number in range(node, TOGGLES, NODES):
            answered[(await client.put("/users/me/status", {"is_busy": number // NODES % 2 == node % 2})).status] += 1
        client.close()

    await asyncio.gather(*(go_on(node) for node in range(NODES)))
    return answered


async def _states(cluster: Cluster, person: Person, sockets: list[Watcher]) -> set[bool]:
    answers = [(await cluster.statuses(node, person, [person]))[person.user_id] for node in range(NODES)]
    pictures = [each.picture[person.user_id] for each in sockets]
    return {bool(status["is_busy"]) for status in [*answers, *pictures]}


async def _is_one_state(cluster: Cluster, person: Person, sockets: list[Watcher]) -> bool:
    return len(await _states(cluster, person, sockets)) == 1


async def _stored_differences(cluster: Cluster, person: Person) -> int:
    return sum([await differences(server, [cluster.on(node, person)]) for node, server in enumerate(cluster.servers)])


def _order(watcher: Watcher, person: Person) -> tuple[tuple[int, bool], ...]:
    return tuple((message["seq"], message["status"]["is_busy"]) for message in watcher.changes_of(person.user_id))
