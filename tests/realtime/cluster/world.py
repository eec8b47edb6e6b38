"""Cluster world: several servers over one simulated log and the same stores, and time that moves only on request."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

from models.errors import StoreUnavailable
from models.tokens import Identity
from realtime.protocol import CloseCode
from tests.cluster.simulated_engine import SimulatedEngine
from tests.cluster.simulated_log import SimulatedLog
from tests.realtime.client import Client
from tests.realtime.stores import Faults
from tests.realtime.world import TICK_SECONDS, FakeClock, World


class NodeWorld(World):
    """One server of the cluster. It may be paused, as by SIGSTOP: then it does nothing at all."""

    def __init__(self, cluster: ClusterWorld, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.is_up = True
        self.is_paused = False
        super().__init__(0, **cluster.settings)

    def start(self) -> None:
        """Start a new process on what the cluster's stores and log hold."""
        self.is_up = True
        self.time, self.faults, self.users = self.cluster.time, self.cluster.faults, self.cluster.users
        self.calls, self.audit, self.logins = self.cluster.calls, self.cluster.audit, self.cluster.logins
        self.external_ids, self.deletions = self.cluster.external_ids, self.cluster.deletions
        self.user_passwords = self.cluster.user_passwords
        self.shared = SimulatedLog(self.cluster.engine)
        self.build(self.shared)
        for user in self.users.rows.values():
            self.core.loader.load(user)
        assert self.core.node is not None
        self.catching_up = self.begin(self.core.node.start())
        self.saving: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is up and not paused."""
        return self.is_up and not self.is_paused

    @property
    def is_listening(self) -> bool:
        """Whether it takes sockets and requests: it has caught up with the log, and has not left."""
        return self.is_running and self.catching_up.done() and not self.core.admission.closing

    @property
    def own(self) -> str:
        """The name under which it takes part now."""
        assert self.core.node is not None
        return self.core.node.name

    def drain(self) -> None:
        """Leave the cluster, and close all sockets as a server does that is about to end."""
        assert self.core.node is not None
        self.core.admission.closing = True
        self.begin(self.core.node.leave())
        for session in self.core.hub:
            session.close(CloseCode.RESTART, "the server is going away")

    def new_id(self) -> str:
        """Return a text that is never repeated in the cluster, and sorts in the order in which it was made."""
        return f"id{next(self.cluster.numbers):06}"

    def crash(self) -> None:
        """Crash the process. The kernel closes its connections."""
        self.is_up = False
        self.is_paused = False
        super().crash()
        self.shared.drop()
        self.cluster.engine.connections.remove(self.shared)

    def step(self) -> bool:
        """Do what can be done now. Returns whether there was anything."""
        if not self.is_up or self.is_paused:
            return False
        has_work = bool(self._loop._ready) or (bool(self._later) and self._later[0][0] <= self.time.seconds)  # type: ignore[attr-defined]
        if has_work:
            self.settle()
        return has_work

    def tick(self, ticks: int = 1) -> None:
        """Run the server's periodic work, for so many ticks at once."""
        if not self.is_up or self.is_paused:
            return
        self.core.tick()
        before, self._ticks = self._ticks, self._ticks + ticks
        due = [every for every in (4, 8, 16) if self._ticks // every > before // every]
        if 4 in due:
            self.shared.end_read()
        if 8 in due:
            self.core.sweep()
            self._answer_pings()
        if 16 in due:
            self.core.stats.tick()
            self._save()
        self.settle()

    def _save(self) -> None:
        if self.saving is None or self.saving.done():
            self.saving = self.begin(self.core.save())
            self.saving.add_done_callback(self._note_broken)

    def _note_broken(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not isinstance(task.exception(), StoreUnavailable):
            super()._note_broken(task)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a background task, which does nothing before its server's next turn."""
        task = self._loop.create_task(work)
        task.add_done_callback(self._note_broken)
        self._tasks.append(task)


class ClusterWorld:
    """Servers that share everything but their memory."""

    def __init__(self, nodes: int = 3, users: int = 4, **settings: Any) -> None:
        self.time = FakeClock()
        self.settings = settings
        self.numbers = itertools.count(1)
        self.engine = SimulatedEngine()
        world = World(users)
        self.faults: Faults = world.faults
        self.users, self.calls, self.audit, self.logins = world.users, world.calls, world.audit, world.logins
        self.external_ids, self.deletions = world.external_ids, world.deletions
        self.user_passwords = world.user_passwords
        world.close()
        self.nodes: list[NodeWorld] = []
        for number in range(nodes):
            self.nodes.append(NodeWorld(self, f"node{number}"))
            self.settle()

    def close(self) -> None:
        """End all servers, and check that nothing has failed in the background."""
        for node in self.nodes:
            if node.is_up:
                node.crash()
            node._loop.close()
            assert not node.broken, node.broken

    def settle(self) -> None:
        """Run everything that can run without time passing, on all servers."""
        for _ in range(1000):
            stepped = [node.step() for node in self.nodes]
            if not any(stepped):
                return
        raise AssertionError("the servers never come to rest")

    def advance(self, seconds: float, *, ticks: int = 1) -> None:
        """Let time pass for all servers, in steps of so many ticks."""
        end = self.time.seconds + seconds
        while self.time.seconds < end:
            self.time.seconds = min(self.time.seconds + ticks * TICK_SECONDS, end)
            self.settle()
            for node in self.nodes:
                node.tick(ticks)
            self.settle()

    def connect(
        self, node: int, user_id: int, client: Client | None = None, identity: Identity | None = None
    ) -> Client:
        """Open a socket on a server. A client that was connected to another one has left it."""
        for other in self.nodes:
            other.clients = [each for each in other.clients if each is not client]
        client = self.nodes[node].connect(user_id, "presence", client=client, identity=identity)
        self.settle()
        return client

    def pictures(self) -> list[dict[int, dict[str, Any]]]:
        """Return each running server's status of everyone."""
        return [node.picture() for node in self.nodes if node.is_up and not node.is_paused]
