"""Users of three servers lose their access on one of them, or resume on another."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from chaos.check import Check, at_most, exactly, none
from chaos.cluster import NODES, Cluster, running_cluster, running_redis
from chaos.crowd import Member, enter, enter_all, join
from chaos.dashboard_client import DashboardClient
from chaos.lab import Lab
from chaos.program import until
from chaos.rest import Person
from chaos.seeding import opened, seed_operator
from chaos.watcher import Watcher, watch
from models.times import utc_milliseconds

CLOSE_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
DOWN_SECONDS = 3.0
"""How long Redis has been down before access is revoked."""

SURPLUS_SECONDS = 0.5
"""How long to listen for messages that nobody should be sent."""

CHANGING, RESUMES = 50, 12

Revoke = Callable[[Person], Coroutine[Any, Any, None]]


async def revocation(lab: Lab) -> list[Check]:
    """Users sign out, are signed out everywhere or are disabled on one server, with Redis and without it: the others
    close their sockets within a second and refuse their tokens.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        password = secrets.token_hex(8)
        await seed_operator(cluster.servers[0], "admin", password, "admin")
        people = await lab.people(cluster.servers[0], 6)
        await cluster.start()
        revoker = Revoker(cluster)
        assert (await revoker.operator.sign_in("admin", password)).status == 303
        checks = await revoker.revoke_all(people[:3], "with Redis")
        await asyncio.to_thread(redis.kill)
        await asyncio.sleep(DOWN_SECONDS)
        return checks + await revoker.revoke_all(people[3:], "without Redis")


class Revoker:
    """Takes users' access away on the first server, and watches the others."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._began = 0.0
        self.operator = DashboardClient(cluster.servers[0].port)

    async def revoke_all(self, people: list[Person], when: str) -> list[Check]:
        """Revoke the access of each user in another way."""
        ways = {
            "sign-out": self._sign_out,
            "sign-out everywhere": self._sign_out_everywhere,
            "disabling": self._disable,
        }
        checks: list[Check] = []
        for person, (way, revoke) in zip(people, ways.items(), strict=True):
            seconds, accepted = await self._measure(person, revoke)
            checks += [
                at_most(f"{way} {when}: sockets closed after", seconds, CLOSE_SECONDS, "s"),
                none(f"{way} {when}: tokens accepted", accepted),
            ]
        return checks

    async def _measure(self, person: Person, revoke: Revoke) -> tuple[float, int]:
        """Returns the seconds until all sockets are closed, and how many servers take the token after a second."""
        members = [await enter(server.port, person) for server in self._cluster.servers]
        await asyncio.sleep(0.5)
        self._began = time.monotonic()
        revoking = asyncio.create_task(revoke(person))
        await until(lambda: all(not each.is_open for each in members), seconds=PATIENCE_SECONDS, every=0.005)
        seconds = time.monotonic() - self._began
        await revoking
        await asyncio.sleep(max(0.0, self._began + CLOSE_SECONDS - time.monotonic()))
        return seconds, sum([await self._is_accepted(node, person) for node in range(NODES)])

    async def _is_accepted(self, node: int, person: Person) -> bool:
        client = self._cluster.on(node, person)
        answer = await client.get("/users/me/status")
        client.close()
        return answer.status != 401

    async def _sign_out(self, person: Person) -> None:
        answer = await self._cluster.on(0, person).post("/auth/logout", {})
        assert answer.status == 200, answer.body

    async def _sign_out_everywhere(self, person: Person) -> None:
        fields = {"action": "sign_out", "reason": "because", "user_id": str(person.user_id)}
        fields["request_id"] = secrets.token_hex(8)
        answer = await self.operator.post("/admin/actions", fields, {"Accept": "application/json"})
        assert answer.status == 200, answer.body

    async def _disable(self, person: Person) -> None:
        """As the command line does, without the time that it takes to start."""
        async with opened(self._cluster.servers[0].settings) as (_, stores):
            self._began = time.monotonic()
            await stores.users.disable(person.user_id, utc_milliseconds(datetime.now(UTC)))
            await stores.notices.post("user_disabled", person.user_id, person.user_id)


async def resume(lab: Lab) -> list[Check]:
    """A client loses its socket, misses changes, and resumes on another server: it is told exactly of the users who
    changed.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        changing = await lab.people(cluster.servers[0], CHANGING)
        (watching,) = await lab.people(cluster.servers[0], 1)
        await cluster.start()
        for node, server in enumerate(cluster.servers):
            await enter_all(server.port, changing[node::NODES])
        await until(lambda: _are_online(cluster, watching, changing), seconds=PATIENCE_SECONDS)
        watcher = await watch(cluster, 0, watching)
        await until(lambda: len(watcher.picture) > CHANGING, seconds=PATIENCE_SECONDS)
        resumed = untold = repeated = unexpected = different = 0
        for number in range(RESUMES):
            changed = changing[number::3][: 5 + number]
            again = await _resume(cluster, number, watcher, changed)
            told = [message["user_id"] for _, message in again.changes]
            wanted = {person.user_id for person in changed}
            resumed += again.established["resumed"] is True
            untold += len(wanted - set(told))
            unexpected += len(set(told) - wanted - {watching.user_id})
            repeated += len(told) - len(set(told))
            again.picture = watcher.picture | again.picture
            different += again.differences(await cluster.agreed(watching, changing) or {})
            watcher = again
        return [
            exactly("sockets resumed on another server", resumed, RESUMES),
            none("users who changed and were not told of", untold),
            none("users told of who did not change", unexpected),
            none("users told of twice", repeated),
            none("users shown otherwise than by the servers", different),
        ]


async def _are_online(cluster: Cluster, asker: Person, people: list[Person]) -> bool:
    """Whether all servers show all of them as online. Nothing more is announced of them then."""
    agreed = await cluster.agreed(asker, people)
    return agreed is not None and all(status["is_online"] for status in agreed.values())


async def _resume(cluster: Cluster, number: int, watcher: Watcher, changed: list[Person]) -> Watcher:
    """Drop a watcher's socket, change some users on all servers, and resume on the next server."""
    since = max([watcher.established["seq"], *(message["seq"] for _, message in watcher.changes)])
    watcher.drop()
    for place, person in enumerate(changed):
        client = cluster.on((number + place) % NODES, person)
        status = (await client.get("/users/me/status")).body
        answer = await client.put("/users/me/status", {"is_busy": not status["is_busy"]})
        assert answer.status == 200, answer.body
        client.close()
    port = cluster.servers[(number + 1) % NODES].port
    query = {"epoch": watcher.established["epoch"], "since": since}
    again = await join(Watcher(port, _person_of(watcher), query), port)
    wanted = {person.user_id for person in changed}
    await until(lambda: wanted <= {message["user_id"] for _, message in again.changes}, seconds=PATIENCE_SECONDS)
    await asyncio.sleep(SURPLUS_SECONDS)
    return again


def _person_of(member: Member) -> Person:
    assert isinstance(member.person, Person)
    return member.person
