"""Fixtures: real stores of each kind, and a bench on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from tornado.ioloop import IOLoop

from models.database import Database, open_database
from models.stores import Stores, open_stores
from settings import Settings
from tests.operation.webhooks.bench import ON, Bench


class MakeBench(Protocol):
    """Makes a bench whose server has not started yet."""

    def __call__(self, **options: Any) -> Bench: ...


@pytest.fixture
def stores_settings(store: dict[str, Any], tmp_path: Path) -> Settings:
    """Settings for an empty store."""
    return Settings(
        **{**ON, "data_dir": tmp_path, "store_deadline_seconds": 10.0, "inspect_interval_seconds": 11.0, **store}
    )


@pytest.fixture
def database(stores_settings: Settings, io_loop: IOLoop) -> Iterator[Database]:
    """An empty database."""
    opened = io_loop.run_sync(lambda: open_database(stores_settings))
    yield opened
    io_loop.run_sync(opened.close)


@pytest.fixture
def stores(database: Database, stores_settings: Settings, io_loop: IOLoop) -> Stores:
    """All stores, empty."""
    return io_loop.run_sync(lambda: open_stores(database, stores_settings))


@pytest.fixture
def bench(database: Database, stores: Stores) -> MakeBench:
    """Makes benches on the same stores."""

    def make(**options: Any) -> Bench:
        return Bench(database, stores, **options)

    return make
