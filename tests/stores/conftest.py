"""Fixtures: a database of each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.database import Database, open_database
from models.guard import GuardedCollection
from models.stores import Stores, open_stores
from settings import Settings
from tests.mongo import MongoServer


def store_settings(data_dir: Path, **changes: Any) -> Settings:
    """Return settings with a deadline that even a busy machine meets."""
    patient = Settings(
        data_dir=data_dir, jwt_secret="s" * 32, store_deadline_seconds=20.0, inspect_interval_seconds=21.0
    )
    return dataclasses.replace(patient, **changes)


@pytest.fixture(params=["embedded", pytest.param("mongodb", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, io_loop: IOLoop, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind."""
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


@pytest.fixture
def stores(database: Database, io_loop: IOLoop, tmp_path: Path) -> Stores:
    """All stores, empty."""
    return io_loop.run_sync(lambda: open_stores(database, store_settings(tmp_path)))
