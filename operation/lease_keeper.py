"""Lease keeper: takes the lease on the database for a server, renews it in the background, and gives it back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import structlog

from models.database import Database
from models.ended_instances import EndedInstances
from models.errors import StoreUnavailable
from models.instances import Instance, Instances, NodeReport
from models.lease import Lease
from models.machine import default_node_name, this_process
from operation.tasks import end_tasks
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.lease")


class LeaseKeeper:
    """The lease of this process. The embedded store needs none, because a lock on its folder does the same."""

    def __init__(self, database: Database, settings: Settings, on_lost: Callable[[], object]) -> None:
        self.incarnation = secrets.token_hex(12)
        """A random id of this process."""
        self.name = settings.node_name or default_node_name(settings.port)
        """The name of this server for people."""
        self.reason_for_loss = ""
        """Why this process may not write any more."""
        self._database = database
        self._on_lost = on_lost
        instances = Instances(database.unchecked_collection("instances"))
        own = self._instance(settings)
        self._lease = Lease(instances, own, settings) if settings.mongodb_url else None
        self._ended = EndedInstances(instances, own)
        self._task: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take the lease, and keep it until `give_back`. Raises StoreUnavailable, which says who has it."""
        if self._lease is not None:
            await self._lease.take()
            self._database.check_writes(self._lease.check)
            self._task = asyncio.create_task(self._keep(self._lease))

    def tell_others(self, has_log: Callable[[], bool], report: Callable[[], NodeReport]) -> None:
        """Say with each renewal whether this server reaches the log that it shares with others, and how it is."""
        if self._lease is not None:
            self._lease.has_log, self._lease.report = has_log, report

    async def others_with_log(self) -> dict[str, int]:
        """The renewals of the others that reach the log. Raises StoreUnavailable."""
        return {} if self._lease is None else await self._lease.others_with_log()

    async def remove_ended(self) -> None:
        """Remove what servers left behind that shared the database and have ended. Raises StoreUnavailable."""
        await self._ended.remove()

    async def give_back(self) -> None:
        """Give the lease back, after the last write."""
        if self._lease is None or self._task is None:
            return
        await end_tasks([self._task])
        self._task = None
        with contextlib.suppress(StoreUnavailable):  # then the next server has to wait
            await self._lease.give_back()

    async def _keep(self, lease: Lease) -> None:
        await lease.keep()
        self.reason_for_loss = await lease.reason_for_loss()
        _log.error("the lease on the database is lost", reason=self.reason_for_loss)
        self._on_lost()

    def _instance(self, settings: Settings) -> Instance:
        return Instance(
            **msgspec.structs.asdict(this_process()),
            incarnation=self.incarnation,
            name=self.name,
            since=datetime.now(UTC),
            shares=bool(settings.redis_url),
            log_prefix=settings.redis_prefix if settings.redis_url else "",
        )
