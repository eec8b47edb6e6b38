"""Serving: runs a server from its start until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import resource
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from handlers.api.metrics import Metrics
from handlers.logs import set_up_logs
from models.data_folder import locked_data_folder
from models.database import open_database
from models.errors import StoreUnavailable
from models.jwt_secret import exposed_secret
from models.stores import open_stores
from operation.demo.demo import Demo
from operation.lease_keeper import LeaseKeeper
from operation.memory import keep_for_good
from operation.server import Server
from operation.shared_log import open_shared_log
from operation.signals import stop_signals
from settings import Settings

OPEN_FILES_SHARE = 0.8
"""Of the files this process may open, the share that sockets may have."""

_log = structlog.stdlib.get_logger("rollcall.server")


@asynccontextmanager
async def opened_server(settings: Settings, on_lost: Callable[[], object]) -> AsyncIterator[Server]:
    """A server that is ready to start, and alone on its database. `on_lost` is called when it is not any more.

    Raises StoreUnavailable, SettingsError; StoreUnavailable also at the end, if another server has taken the database.
    """
    metrics = Metrics()
    database = await open_database(settings, metrics.observe_store)
    lease_keeper = LeaseKeeper(database, settings, on_lost)
    await lease_keeper.take()
    try:
        stores = await open_stores(database, settings)
        shared = await open_shared_log(settings, database)
        yield Server(settings, database, lease_keeper, stores, metrics, shared)
    finally:
        await lease_keeper.give_back()
    if lease_keeper.reason_for_loss:
        raise StoreUnavailable(lease_keeper.reason_for_loss)


async def serve(settings: Settings, *, demo: bool) -> None:
    """Serve until a signal to stop, then drain; further signals change nothing.

    Raises StoreUnavailable, SettingsError.
    """
    set_up_logs(settings.log_level)
    if settings.mongodb_url:
        await _serve(settings, demo=demo)
        return
    path = exposed_secret(settings.data_dir)
    if path is not None:
        _log.warning("other users of this machine can read the secret of the tokens", fix=f"chmod 600 {path}")
    with locked_data_folder(settings.data_dir):
        await _serve(settings, demo=demo)


async def _serve(settings: Settings, *, demo: bool) -> None:
    stopping = asyncio.Event()
    async with opened_server(_within_open_files(settings), stopping.set) as server:
        await _serve_until(stopping, server, settings, demo=demo)


async def _serve_until(stopping: asyncio.Event, server: Server, settings: Settings, *, demo: bool) -> None:
    with stop_signals(stopping.set):
        if not await _started(server, stopping):
            _log.info("stopping before the start was complete")
            await server.stop()
            return
        _log.info("listening", **server.described())
        show = Demo(server.port, server.tokens, settings, server.core.registry) if demo else None
        if show is not None:
            await show.start()
        await stopping.wait()
        _log.info("draining", sockets=len(server.core.hub))
        deadline = asyncio.get_running_loop().call_later(settings.exit_seconds, _give_up)
        if show is not None:
            await show.stop()
        await server.drain()
        await server.stop()
        deadline.cancel()
        _log.info("stopped")


async def _started(server: Server, stopping: asyncio.Event) -> bool:
    """Start the server. Returns False if it was told to stop before that: it may be waiting for Redis."""
    starting, told = asyncio.create_task(server.start()), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((starting, told), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return False
        await starting
        keep_for_good()
        return True
    finally:
        for task in (starting, told):
            task.cancel()
        await asyncio.gather(starting, told, return_exceptions=True)


def _give_up() -> None:
    _log.error("could not stop in time")
    sys.exit(1)


def _within_open_files(settings: Settings) -> Settings:
    """The settings with no more sockets than open files allow. First the limit of open files is raised to the most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    fits = int(soft * OPEN_FILES_SHARE)
    if settings.sockets_limit <= fits:
        return settings
    _log.warning("fewer sockets than set, for want of open files", sockets_limit=fits, open_files=soft)
    return dataclasses.replace(settings, sockets_limit=fits)
