"""RunningCluster: three servers in the test's own loop, which a test uses as if they were one."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Any

from redis.asyncio import Redis

from settings import Settings
from tests.running import RunningServer

NODES = 3
CATCH_UP_SECONDS = 5.0
"""The time limit for all servers to apply the same entries; only a failing test takes this long."""


class RunningCluster(RunningServer):
    """The first of three servers on one database and one Redis, together with the others.

    Requests and sockets go to each of them in turn, or to the first one only if `is_spread` is false. What a test reads
    from memory is that of the first server, except where it asks for all `nodes`.
    """

    def __init__(self, settings: Settings, *, is_spread: bool) -> None:
        super().__init__(settings)
        self._others = [RunningServer(settings) for _ in range(NODES - 1)]
        self._is_spread = is_spread
        self._turns = itertools.cycle(range(NODES))

    @property
    def nodes(self) -> list[RunningServer]:
        """All servers that run."""
        return [node for node in (self, *self._others) if node.is_running]

    async def next_port(self) -> int:
        """Return the port of the server whose turn it is, once all servers have applied what any of them has."""
        if not self._is_spread:
            return self.port
        await self.caught_up()
        return (self, *self._others)[next(self._turns)].port

    async def caught_up(self) -> None:
        """Wait until all servers have appended all they had, applied the same entries, and sent them to sockets."""
        await asyncio.sleep(0)  # what was just proposed begins to wait
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while not self._is_even():
                await asyncio.sleep(0.001)

    async def start(self) -> None:
        """Start all servers, one after another."""
        await super().start()
        for node in self._others:
            await node.start()

    async def drain(self) -> None:
        """Drain all servers at once."""
        await asyncio.gather(*(node.server.drain() for node in self.nodes))

    async def stop(self) -> None:
        """Drain and stop all servers at once."""
        await asyncio.gather(super().stop(), *(node.stop() for node in self._others))

    async def restart(self, **changes: Any) -> None:
        """Restart all servers with some settings changed."""
        for node in self._others:
            node.settings = dataclasses.replace(node.settings, **changes)
        await super().restart(**changes)

    async def restart_without_log(self) -> None:
        """Restart all servers after Redis has lost what they had in it."""
        await self.stop()
        async with Redis.from_url(self.settings.redis_url) as redis:
            await redis.delete(*[key async for key in redis.scan_iter(f"{{{self.settings.redis_prefix}}}:*")])
        await self.start()

    def _is_even(self) -> bool:
        cores = [node.core for node in self.nodes]
        places = {core.node.position.last_id for core in cores if core.node is not None}
        is_sent = not any(core.fan_out._pending or core.fan_out._flush for core in cores)
        return is_sent and len(places) <= 1 and not any(len(core.log) for core in cores)
