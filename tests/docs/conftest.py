"""Fixtures: a server as a separate process, and a browser."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.program import MakeProgram, blameless_programs
from tests.secrets_seen import SecretsSeen


@pytest.fixture(autouse=True)
def quiet_markdown(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the Markdown parser's debug output out of the report of a failing test."""
    caplog.set_level(logging.WARNING, "markdown_it")


@pytest.fixture
def program(io_loop: IOLoop, tmp_path: Path, secrets_seen: SecretsSeen, http: AsyncHTTPClient) -> Iterator[MakeProgram]:
    """Makes servers as separate processes. A response with 500 fails the test."""
    yield from blameless_programs(io_loop, tmp_path, secrets_seen, http)
