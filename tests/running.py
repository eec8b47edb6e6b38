"""RunningServer: the real server in the test's own loop, which can be restarted on the same data."""

from __future__ import annotations

import dataclasses
from typing import Any

from handlers.api.metrics import Metrics
from models.database import open_database
from models.stores import Stores, open_stores
from models.tokens import Tokens
from operation.lease_keeper import LeaseKeeper
from operation.server import Server
from operation.shared_log import open_shared_log
from realtime.core import Core
from realtime.sockets.session import Session
from settings import Settings


class RunningServer:
    """A server that keeps its data and, once it is known, its port through restarts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._server: Server | None = None
        self._stores: Stores | None = None

    @property
    def server(self) -> Server:
        assert self._server is not None, "the server is not running"
        return self._server

    @property
    def is_running(self) -> bool:
        return self._server is not None

    @property
    def stores(self) -> Stores:
        assert self._stores is not None, "the server is not running"
        return self._stores

    @property
    def core(self) -> Core:
        return self.server.core

    @property
    def nodes(self) -> list[RunningServer]:
        """All servers that behave as one: this one alone."""
        return [self]

    @property
    def sessions(self) -> list[Session]:
        """The open sockets of all servers."""
        return [session for node in self.nodes for session in node.core.hub]

    @property
    def tokens(self) -> Tokens:
        return self.server.tokens

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Open the store and listen."""
        metrics = Metrics()
        database = await open_database(self.settings, metrics.observe_store)
        lease_keeper = LeaseKeeper(database, self.settings, lambda: None)
        await lease_keeper.take()
        self._stores = await open_stores(database, self.settings)
        shared = await open_shared_log(self.settings, database)
        self._server = Server(self.settings, database, lease_keeper, self._stores, metrics, shared)
        await self._server.start()
        self.settings = dataclasses.replace(self.settings, port=self._server.port)

    async def caught_up(self) -> None:
        """Wait until all servers have applied what any of them has: this one alone always has."""

    async def drain(self) -> None:
        """Drain, as on SIGTERM, and keep running."""
        await self.server.drain()

    async def stop(self) -> None:
        """Drain and stop, as on SIGTERM."""
        if self._server is not None:
            await self._server.drain()
            await self._server.stop()
            self._server = self._stores = None

    async def restart(self, **changes: Any) -> None:
        """Restart with some settings changed."""
        await self.stop()
        self.settings = dataclasses.replace(self.settings, **changes)
        await self.start()

    async def restart_without_log(self) -> None:
        """Restart on the stored data alone. The log of a server that is alone is lost with every restart."""
        await self.restart()
