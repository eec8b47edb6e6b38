"""Nodes: several servers as programs, on one Redis and one MongoDB, and a user who may use any of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from chaos.crowd import Member, enter
from tests.clients import Person
from tests.program import MakeProgram, ServerProgram
from tests.redis_server import RedisServer

NODES = 3


@dataclass(frozen=True)
class Nodes:
    """Equal servers."""

    servers: list[ServerProgram]

    @property
    def prefix(self) -> str:
        """The prefix of their keys in Redis."""
        return self.servers[0].settings.redis_prefix

    async def start(self) -> None:
        """Start all of them, one after another."""
        for server in self.servers:
            await server.start()

    async def people(self, count: int) -> list[Person]:
        """Add users, before the servers start."""
        return await self.servers[0].populate(count)

    def on(self, node: int, person: Person) -> Person:
        """The person, as a client of one of the servers."""
        return Person(self.servers[node].api, person.user_id, person.username, person.token)

    async def enter(self, node: int, person: Person, *, watches: bool = False) -> Member:
        """Open a socket on one of the servers."""
        return await enter(self.servers[node].port, person, watches=watches)

    async def statuses(self, person: Person, user_ids: list[int]) -> list[list[dict[str, Any]]]:
        """What each running server answers about some users, asked by one of them."""
        asked = ",".join(map(str, user_ids))
        return [
            (await self.on(number, person).get("/users/presence", user_ids=asked)).body
            for number, server in enumerate(self.servers)
            if server.is_running
        ]


def make_nodes(
    program: MakeProgram,
    store: dict[str, Any],
    redis: RedisServer,
    *,
    of_last: dict[str, Any] | None = None,
    **settings: Any,
) -> Nodes:
    """Servers on a fresh database. `of_last` are the settings of the last one alone."""
    shared = {
        "redis_url": redis.url,
        "redis_prefix": f"test-{secrets.token_hex(4)}",
        "jwt_secret": f"key-{secrets.token_hex(24)}",
        "requests_per_second": 100_000,
        **store,
        **settings,
    }
    own = [shared] * (NODES - 1) + [{**shared, **(of_last or {})}]
    return Nodes([program(**each) for each in own])
