"""Stores: where a scenario's servers keep their data, and how they can be disturbed."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from chaos.check import CannotRun, StoreKind
from chaos.machine import processor_seconds
from chaos.proxy import Proxy
from models.database import EMBEDDED_FILE
from tests.mongo import CARRIED_SERVER, MongoServer, find_mongo


class Store(Protocol):
    """A store of one scenario, which is empty at first."""

    kind: StoreKind
    is_stand_in: bool
    """Whether it only stands in for MongoDB, without using its indexes."""
    pid: int | None
    """The process of a MongoDB that was started here."""

    def settings(self) -> dict[str, Any]:
        """The settings by which a server finds it."""

    async def interpose(self) -> None:
        """Make it possible to stall the store. Call it before `settings`."""

    async def stall(self) -> None:
        """Let no write through until `resume`."""

    async def resume(self) -> None:
        """Go on after `stall`."""

    async def close(self) -> None:
        """Discard it."""


class EmbeddedStore:
    """A SQLite file in the scenario's folder."""

    kind: StoreKind = "embedded"
    is_stand_in = False
    pid: int | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "data"
        self._lock: sqlite3.Connection | None = None

    def settings(self) -> dict[str, Any]:
        """See Store."""
        return {"data_dir": self._folder}

    async def interpose(self) -> None:
        """See Store. A lock on the file needs nothing in between."""

    async def stall(self) -> None:
        """See Store. The file is locked as by another process that writes."""
        self._lock = sqlite3.connect(self._folder / EMBEDDED_FILE, timeout=5, isolation_level=None)
        self._lock.execute("BEGIN IMMEDIATE")

    async def resume(self) -> None:
        """See Store."""
        if self._lock is not None:
            self._lock.execute("ROLLBACK")
            self._lock.close()
            self._lock = None

    async def close(self) -> None:
        """See Store. The folder goes with the scenario."""
        await self.resume()


class MongoStore:
    """A database of its own in a MongoDB, and a proxy before it where a scenario wants one."""

    kind: StoreKind = "mongodb"

    def __init__(self, url: str, database: str, folder: Path, *, is_stand_in: bool, pid: int | None) -> None:
        self.is_stand_in = is_stand_in
        self.pid = pid
        self._url = url
        self._database = database
        self._folder = folder
        self.proxy: Proxy | None = None

    def settings(self) -> dict[str, Any]:
        """See Store."""
        return {"mongodb_url": self._url, "mongodb_database": self._database, "data_dir": self._folder / "data"}

    async def interpose(self) -> None:
        """See Store. The server finds the database only through the proxy."""
        nodes = parse_uri(self._url)["nodelist"]
        if len(nodes) != 1:
            raise CannotRun("MONGODB_TEST_URL names several servers, and a proxy can only stand in front of one")
        self.proxy = Proxy(str(nodes[0][0]), int(nodes[0][1] or 27017))
        await self.proxy.start()
        self._url = _at(self._url, self.proxy.port)

    async def stall(self) -> None:
        """See Store."""
        assert self.proxy is not None, "nothing was interposed"
        self.proxy.swallow()

    async def resume(self) -> None:
        """See Store."""
        assert self.proxy is not None, "nothing was interposed"
        await self.proxy.let_through()

    async def close(self) -> None:
        """See Store."""
        if self.proxy is not None:
            await self.proxy.let_through()
        await asyncio.to_thread(self._drop)
        if self.proxy is not None:
            await self.proxy.stop()

    def _drop(self) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(self._url, serverSelectionTimeoutMS=5000)
        try:
            client.drop_database(self._database)
        except PyMongoError:
            return  # a database that is gone has nothing to drop
        finally:
            client.close()


def _at(url: str, port: int) -> str:
    """The URL of the same database behind a port of this machine."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    query = f"{parts.query}&directConnection=true" if parts.query else "directConnection=true"
    return f"mongodb://{user}{at}127.0.0.1:{port}{parts.path or '/'}?{query}"


class StoreProvider:
    """Makes the store of each scenario. A MongoDB is started for the first that needs it, and ended by `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mongo: MongoServer | None = None

    async def open(self, kind: StoreKind, folder: Path) -> Store:
        """An empty store. Raises CannotRun where there is no MongoDB."""
        if kind == "embedded":
            return EmbeddedStore(folder)
        mongo = await asyncio.to_thread(self._started)
        return MongoStore(mongo.url, mongo.fresh_database("chaos"), folder, is_stand_in=_is_stand_in(), pid=mongo.pid)

    def processor_seconds(self) -> float:
        """Processor time that the MongoDB has used which was started here."""
        pid = None if self._mongo is None else self._mongo.pid
        return 0.0 if pid is None else processor_seconds(pid)

    def close(self) -> None:
        """End the MongoDB that was started here."""
        if self._mongo is not None:
            self._mongo.stop()
            self._mongo = None

    def _started(self) -> MongoServer:
        if self._mongo is None:
            means = find_mongo()
            if not means.is_there:
                raise CannotRun(
                    "no MongoDB: it takes MONGODB_TEST_URL, a mongod on the PATH, or Java 17 with mvn for the server "
                    "in tests/mongo_server"
                )
            server = MongoServer(means, self._folder)
            try:
                server.start()
            except (PyMongoError, OSError) as error:
                raise CannotRun(f"the MongoDB did not start: {error}") from error
            self._mongo = server
        return self._mongo


def describe_mongodb() -> str:
    """Which MongoDB the scenarios run on here, in words."""
    means = find_mongo()
    if means.url:
        return "the MongoDB of MONGODB_TEST_URL"
    if _is_stand_in():
        return "the stand-in in tests/mongo_server, which is slower than MongoDB and keeps to one core"
    return "mongod" if means.is_there else "none"


def _is_stand_in() -> bool:
    return find_mongo().program == str(CARRIED_SERVER)
