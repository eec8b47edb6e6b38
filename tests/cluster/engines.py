"""Engines: a simulated one and a real Redis, with what tests do to either of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol

from models.redis import RedisLimits, RedisLog, parse_redis_url
from models.redis.scripts import KEYS
from models.shared_log import Adopted, SharedEntry, SharedLog, SharedRow, StoredRow
from tests.cluster.simulated_engine import SimulatedEngine
from tests.cluster.simulated_log import SimulatedLog
from tests.redis_server import RedisServer

DATABASE = "database one"

ALL_KEYS = (*KEYS, *(f"sessions:{server}" for server in "abc"))
"""The keys of an engine that only the servers a, b and c use."""

QUICK = RedisLimits(wait_seconds=0.05, rest_seconds=0.0, scan_count=2, pause_seconds=(0.005, 0.02))
"""Limits of tests: nothing waits longer than it must."""


class Engine(Protocol):
    """What both kinds can do."""

    def server_log(self) -> SharedLog:
        """Return a new server's access, which is not connected yet."""

    def attach_replica(self) -> None:
        """Change the fence, and nothing else."""

    def lose_everything(self) -> None:
        """Lose all data, with a new fence. Connections stay."""

    def mark(self) -> None:
        """Remember the data as they are."""

    def return_to_mark(self) -> None:
        """Lose what was written since `mark`, with a new fence. Connections stay."""

    def trim(self, keep: int) -> None:
        """Forget all but the last entries."""

    async def close(self) -> None:
        """Close all connections."""


class SimulatedOnly:
    """The simulated engine."""

    def __init__(self) -> None:
        self.simulated = SimulatedEngine()
        self._logs: list[SimulatedLog] = []
        self.attach_replica = self.simulated.attach_replica
        self.trim = self.simulated.trim
        self._marked = self.simulated.contents.copy()

    def server_log(self) -> SimulatedLog:
        self._logs.append(SimulatedLog(self.simulated))
        return self._logs[-1]

    def lose_everything(self) -> None:
        self.simulated.fail_over(lost_entries=None, drops_connections=False)

    def mark(self) -> None:
        self._marked = self.simulated.contents.copy()

    def return_to_mark(self) -> None:
        self.simulated.attach_replica()
        self.simulated.contents = self._marked.copy()

    async def close(self) -> None:
        for log in self._logs:
            await log.close()


class RedisEngine:
    """A real Redis, under a prefix of its own."""

    def __init__(self, server: RedisServer, limits: RedisLimits = QUICK) -> None:
        self.server = server
        self.prefix = uuid.uuid4().hex[:12]
        self._limits = limits
        self._logs: list[RedisLog] = []

    def server_log(self) -> RedisLog:
        log = RedisLog(parse_redis_url(self.server.url), self.prefix, self._limits)
        self._logs.append(log)
        return log

    def key(self, name: str) -> str:
        """Return a key of this engine."""
        return f"{{{self.prefix}}}:{name}"

    def attach_replica(self) -> None:
        self.server.ask("DEBUG", "CHANGE-REPL-ID")

    def lose_everything(self) -> None:
        self.attach_replica()
        self.server.ask("DEL", *(self.key(name) for name in ALL_KEYS))

    def mark(self) -> None:
        self._copy("", "marked:")

    def return_to_mark(self) -> None:
        self.attach_replica()
        self._copy("marked:", "")

    def trim(self, keep: int) -> None:
        self.server.ask("XTRIM", self.key("log"), "MAXLEN", "=", str(keep))

    async def close(self) -> None:
        for log in self._logs:
            await log.close()

    def _copy(self, source: str, target: str) -> None:
        for name in ALL_KEYS:
            self.server.ask("DEL", self.key(target + name))
            self.server.ask("COPY", self.key(source + name), self.key(target + name))


async def adopted(log: SharedLog, known: Adopted | None = None, epoch: str = "epoch one") -> Adopted:
    """Adopt, as a server that knows this."""
    if known is None:
        return await log.adopt(0, 0, "", epoch, DATABASE)
    return await log.adopt(known.generation, known.seq, known.epoch, epoch, DATABASE)


async def joined(log: SharedLog, server: str = "a") -> Adopted:
    """Adopt and join."""
    state = await adopted(log)
    assert await log.join(server)
    return state


def row(user_id: int, seen: str = "", record: bytes = b"record", *, announced: bool = True) -> SharedRow:
    """Return a row to append."""
    return SharedRow(user_id, seen, announced, record)


async def entries(log: SharedLog, after: str, count: int) -> list[SharedEntry]:
    """Read until there are as many entries."""
    found: list[SharedEntry] = []
    while len(found) < count:
        found += await log.read(found[-1].entry_id if found else after)
    return found


async def records(log: SharedLog) -> dict[int, StoredRow]:
    """Return all records."""
    found: dict[int, StoredRow] = {}
    async for part in log.scan():
        found |= part
    return found


async def sessions(log: SharedLog, server: str) -> dict[str, bytes]:
    """Return all rows of a server's sockets."""
    found: dict[str, bytes] = {}
    async for part in log.scan_sessions(server):
        found |= part
    return found


def n_of(ids: Sequence[str]) -> list[int]:
    """Return the n of each id."""
    return [int(entry_id.partition("-")[2]) for entry_id in ids]
