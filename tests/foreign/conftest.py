"""Fixtures: a server as a separate process, and the published client in Node and in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.foreign.published import PublishedClient, in_chromium, in_node
from tests.program import MakeProgram, blameless_programs
from tests.secrets_seen import SecretsSeen


@pytest.fixture
def program(io_loop: IOLoop, tmp_path: Path, secrets_seen: SecretsSeen, http: AsyncHTTPClient) -> Iterator[MakeProgram]:
    """Makes servers as separate processes."""
    yield from blameless_programs(io_loop, tmp_path, secrets_seen, http)


@pytest.fixture(params=[in_node, in_chromium], ids=["node", "chromium"])
def published(request: pytest.FixtureRequest) -> PublishedClient:
    """Opens the published client: `async with published(port, token) as client`."""
    opens: PublishedClient = request.param
    return opens
