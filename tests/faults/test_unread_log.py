"""A server whose standard error is an unread pipe keeps serving, and stops in time."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.ports import free_port
from settings import variable
from tests.program import QUICK, ROOT, _is_setting

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

REQUESTS = 600
"""Together, their log lines are longer than the 64 KiB that a pipe holds."""


async def status(port: int, path: str) -> int:
    """Return the status of a GET. Raises OSError while nobody listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(8):
        answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


async def until_it_serves(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                assert await status(port, "/healthz") == 200
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def process(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server, with a pipe as its standard error."""
    kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    given = {**QUICK, "port": port, "data_dir": tmp_path / "data", "jwt_secret": f"key-{secrets.token_hex(24)}"}
    environment = {**kept, **{variable(name): str(value) for name, value in given.items()}}
    command = [sys.executable, "server.py"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


async def ask_for_much(port: int) -> None:
    """Send requests that are logged. Each must be answered."""
    await until_it_serves(port)
    for number in range(REQUESTS):
        assert await status(port, f"/nothing/{number}/{'x' * 500}") == 404


async def test_requests_are_answered_while_nobody_reads_the_log(port: int, process: subprocess.Popen[bytes]) -> None:
    await ask_for_much(port)
    process.terminate()
    # Queued lines wait for a reader, but not forever.
    assert await asyncio.to_thread(process.wait, 15) == 0
    assert process.stderr is not None
    said = process.stderr.read()
    assert 32 * 1024 < len(said) <= 64 * 1024
    assert json.loads(said.splitlines()[0])["event"] == "listening"


async def test_a_reader_who_comes_late_is_told_what_was_left_out(port: int, process: subprocess.Popen[bytes]) -> None:
    await ask_for_much(port)
    process.terminate()
    _, said = await asyncio.to_thread(process.communicate, None, 15)
    assert process.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    requests = [each for each in lines if each["event"] == "request"]
    left_out = [each for each in lines if each["event"] == "log lines left out"]
    assert left_out
    assert len(requests) + sum(each["lines"] for each in left_out) == REQUESTS
    assert {len(each["path"]) for each in requests} == {200}
    assert {"draining", "stopped"} <= {each["event"] for each in lines}
