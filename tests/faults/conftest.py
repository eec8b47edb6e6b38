"""Fixtures: servers as programs, and a MongoDB that may be killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.mongo import MongoServer, find_mongo
from tests.program import MakeProgram, blameless_programs
from tests.secrets_seen import SecretsSeen


@pytest.fixture
def program(io_loop: IOLoop, tmp_path: Path, secrets_seen: SecretsSeen, http: AsyncHTTPClient) -> Iterator[MakeProgram]:
    """Makes servers as programs of their own."""
    yield from blameless_programs(io_loop, tmp_path, secrets_seen, http)


@pytest.fixture
def killable_mongo_server(tmp_path: Path) -> Iterator[MongoServer]:
    """A MongoDB of the test's own."""
    means = find_mongo(to_kill=True)
    if not means.is_there:
        pytest.skip(means.reason)
    server = MongoServer(means, tmp_path)
    server.start()
    yield server
    with contextlib.suppress(AssertionError):  # it may have been left dead
        server.resume()
    server.stop()
