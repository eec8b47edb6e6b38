"""Three servers behind nginx are restarted one after another."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence

from chaos.check import Check, at_least, at_most, exactly, none
from chaos.cluster import NODES, Cluster, running_cluster, running_redis
from chaos.lab import Lab
from chaos.machine import processor_seconds
from chaos.nginx import Nginx, running_nginx
from chaos.program import until
from chaos.report import LOAD
from chaos.rest import Person
from chaos.roamer import AVAILABLE, BUSY, OFFLINE, Roamer, Tally, connected

CLIENTS, WRITING = 2000, 40
SETTLE_SECONDS = 5.0
"""How long each server runs before the next one is stopped, after everybody is connected again."""

BACK_SECONDS = 30.0
HOLD_SECONDS = 60.0
"""Longer than users are held after a server has left."""


async def rolling_restart(lab: Lab) -> list[Check]:
    """Two thousand clients stay behind nginx while three servers are restarted one after another: nobody is announced,
    no connect is refused, and every copy is right.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis, trusted_proxies=("127.0.0.1",)) as cluster:
        people = await lab.people(cluster.servers[0], CLIENTS)
        askers = await lab.people(cluster.servers[0], NODES)
        await cluster.start()
        async with running_nginx(lab.folder / "nginx", [server.port for server in cluster.servers]) as nginx:
            tally = Tally(people[0].user_id, CLIENTS)
            roamers = [Roamer(person, lambda: nginx.port, tally) for person in people]
            async with connected(roamers):
                return await _restart_all(lab, cluster, nginx, roamers, tally, people, askers)


async def _restart_all(
    lab: Lab,
    cluster: Cluster,
    nginx: Nginx,
    roamers: Sequence[Roamer],
    tally: Tally,
    people: Sequence[Person],
    askers: Sequence[Person],
) -> list[Check]:
    for roamer in roamers:
        roamer.ask_for_snapshot()
    await until(lambda: all(each.is_complete for each in roamers), seconds=BACK_SECONDS, every=0.2)
    writers = Writers(nginx.port, people[:WRITING])
    cluster.begin()
    began, nginx_before = time.monotonic(), processor_seconds(nginx.pid)
    slowest = max([await _restart(cluster, node, roamers) for node in range(NODES)])
    seconds = time.monotonic() - began
    cluster.note_load()
    lab.figures[f"{LOAD}nginx, %"] = 100 * (processor_seconds(nginx.pid) - nginx_before) / seconds
    await writers.stop()
    await asyncio.sleep(HOLD_SECONDS)
    lab.note(reconnects_that_resumed=tally.resumed, writes=writers.answers.total(), restarts_took_s=seconds)
    causes = writers.answers + Counter(tally.refused) + nginx.errors()
    lab.remarks += [f"{kind}: {count}" for kind, count in causes.most_common()]
    return [
        none("users announced as offline", len(tally.offlines)),
        none("connects refused", len(tally.refused)),
        none("clients not connected at the end", sum(not each.is_connected for each in roamers)),
        none("copies that are wrong", await _wrong(cluster, askers, people, roamers)),
        at_least("reconnects", tally.reconnects, CLIENTS),
        at_most("slowest time until all are connected again", slowest, BACK_SECONDS, "s"),
        none("writes not answered with 200", writers.answers.total() - writers.answers["200"]),
        exactly("servers running at the end", sum(each.is_running for each in cluster.servers), NODES),
    ]


class Writers:
    """Users who keep changing their status through nginx."""

    def __init__(self, port: int, people: Sequence[Person]) -> None:
        self.answers: Counter[str] = Counter()
        """How often each status was received, or which error."""
        self._is_over = False
        self._tasks = [asyncio.create_task(self._write(port, person)) for person in people]

    async def stop(self) -> None:
        """Finish the running writes."""
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def _write(self, port: int, person: Person) -> None:
        client = Person(port, person.token, user_id=person.user_id)
        number = 0
        while not self._is_over:
            await asyncio.sleep(random.uniform(3, 5))
            number += 1
            try:
                answer = await client.put("/users/me/status", {"is_busy": number % 2 == 1})
            except OSError as error:  # TimeoutError is one
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status)] += 1
        client.close()


async def _restart(cluster: Cluster, node: int, roamers: Sequence[Roamer]) -> float:
    """Stop a server, start it again, and wait for everybody. Returns the seconds until all are connected again."""
    began = time.monotonic()
    server = cluster.servers[node]
    server.send_signal(signal.SIGTERM)
    await server.ended()
    await server.start()
    await until(lambda: all(each.is_connected for each in roamers), seconds=BACK_SECONDS, every=0.1)
    seconds = time.monotonic() - began
    await asyncio.sleep(SETTLE_SECONDS)
    return seconds


async def _wrong(
    cluster: Cluster, askers: Sequence[Person], people: Sequence[Person], roamers: Sequence[Roamer]
) -> int:
    """How many clients have a copy that differs from what each of the servers answers."""
    wrong = set(range(len(roamers)))
    answers = [await cluster.statuses(node, asker, people) for node, asker in enumerate(askers)]
    right = [bytes(_state(answer[person.user_id]) for person in people) for answer in answers]
    if len(set(right)) == 1:
        wrong = {number for number, roamer in enumerate(roamers) if bytes(roamer.picture) != right[0]}
    return len(wrong)


def _state(status: dict[str, bool]) -> int:
    return OFFLINE if not status["is_online"] else BUSY if status["is_busy"] else AVAILABLE
