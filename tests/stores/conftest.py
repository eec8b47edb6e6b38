"""Fixtures: a database of each kind, and the MongoDB server that the tests of one run share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.database import Database, open_database
from models.guard import GuardedCollection
from settings import Settings
from tests.mongo import MongoServer, find_mongo


def store_settings(data_dir: Path, **changes: Any) -> Settings:
    """Settings with a deadline that a busy machine keeps."""
    patient = Settings(data_dir=data_dir, jwt_secret="s" * 32, store_deadline_seconds=20.0)
    return dataclasses.replace(patient, **changes)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, too, when the Motor half was not run."""
    if reason := find_mongo().reason:
        terminalreporter.write_line(reason, yellow=True)


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A MongoDB that no test kills."""
    means = find_mongo()
    if not means.is_there:
        pytest.skip(means.reason)
    server = MongoServer(means, tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def killable_mongo_server(tmp_path: Path) -> Iterator[MongoServer]:
    """A MongoDB of the test's own."""
    means = find_mongo(to_kill=True)
    if not means.is_there:
        pytest.skip(means.reason)
    server = MongoServer(means, tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["embedded", pytest.param("mongodb", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, io_loop: IOLoop, tmp_path: Path) -> Iterator[Database]:
    """An empty database, once of each kind."""
    changes: dict[str, Any] = {}
    if request.param == "mongodb":
        server: MongoServer = request.getfixturevalue("mongo_server")
        changes = {"mongodb_url": server.url, "mongodb_database": server.fresh_database("stores")}
    database = io_loop.run_sync(lambda: open_database(store_settings(tmp_path, **changes)))
    yield database
    io_loop.run_sync(database.close)


@pytest.fixture
def things(database: Database) -> GuardedCollection:
    """An empty collection."""
    return database.collection("things")
