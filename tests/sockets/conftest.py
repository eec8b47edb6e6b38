"""Fixtures for tests that send what no correct client sends."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from tests.clients import Api, eventually
from tests.running import RunningServer


@pytest.fixture
def unharmed(server: RunningServer, api: Api, io_loop: IOLoop, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check afterwards that the server answers, has closed every socket, and has logged no error."""
    yield

    async def check() -> None:
        await eventually(lambda: len(server.sessions) == 0)
        assert (await api.get("/healthz")).status == 200

    io_loop.run_sync(check)
    gc.collect()  # asyncio reports a failed task when the task is deleted
    records = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [record.getMessage() for record in records if record.levelno >= logging.ERROR] == []
