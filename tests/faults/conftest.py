"""Fixtures: servers as separate processes, and a MongoDB that may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.program import MakeProgram, blameless_programs
from tests.secrets_seen import SecretsSeen


@pytest.fixture
def program(io_loop: IOLoop, tmp_path: Path, secrets_seen: SecretsSeen, http: AsyncHTTPClient) -> Iterator[MakeProgram]:
    """Makes servers as separate processes."""
    yield from blameless_programs(io_loop, tmp_path, secrets_seen, http)
