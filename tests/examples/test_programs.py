"""The Node and Python examples, checked by their output, and the React Native one, by the client's types."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.program import MakeProgram

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"
PATIENCE_SECONDS = 30.0

Credentials = dict[str, str]
"""Environment variables that sign the example in."""


class Example:
    """A program of examples/ and its output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def prints(self, pattern: str) -> None:
        """Wait for a line that matches the pattern, and skip the lines before it."""
        assert self.process.stdout is not None
        passed: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while text := (await self.process.stdout.readline()).decode():
                    if re.fullmatch(pattern, text.rstrip()):
                        return
                    passed.append(text)
        raise AssertionError(f"not {pattern!r}, but {passed}")


@contextlib.asynccontextmanager
async def running(*argv: str, url: str, credentials: Credentials) -> AsyncIterator[Example]:
    """Start the example, and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, "ROLLCALL_URL": url, **credentials}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Example(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def python_example(port: int, credentials: Credentials, folder: Path) -> AsyncIterator[Example]:
    """Run examples/python."""
    path = str(ROOT / "examples" / "python" / "feed.py")
    async with running(sys.executable, path, url=f"ws://localhost:{port}", credentials=credentials) as example:
        yield example


@contextlib.asynccontextmanager
async def node_example(port: int, credentials: Credentials, folder: Path) -> AsyncIterator[Example]:
    """Run a copy of examples/node, with its package installed as `npm install` would do it."""
    assert (NODE_MODULES / "ws").is_dir(), "run `make node` first"
    shutil.copytree(ROOT / "examples" / "node", folder / "examples" / "node", dirs_exist_ok=True)
    shutil.copytree(ROOT / "static", folder / "static", dirs_exist_ok=True)
    modules = folder / "examples" / "node" / "node_modules"
    if not modules.exists():
        modules.symlink_to(NODE_MODULES)
    path = str(folder / "examples" / "node" / "watch.mjs")
    async with running("node", path, url=f"http://localhost:{port}", credentials=credentials) as example:
        yield example


ExampleIn = Callable[[int, Credentials, Path], AbstractAsyncContextManager[Example]]
each_example = pytest.mark.parametrize("example_in", [python_example, node_example], ids=["python", "node"])


@each_example
async def test_it_prints_changes_also_after_a_restart(
    program: MakeProgram, example_in: ExampleIn, tmp_path: Path
) -> None:
    server = program(reconnect_spread_seconds=0.5)
    ada, bob = await server.populate(2)
    await server.start()
    async with example_in(server.port, {"TOKEN": ada.token}, tmp_path) as example:
        await example.prints(rf"{bob.username} offline \(snapshot\)")
        await bob.post("/users/me/heartbeat")
        await example.prints(rf"{bob.username} available \(heartbeat\)")
        server.kill()
        await server.start()
        await bob.put("/users/me/status", {"is_online": True, "is_busy": True})
        await example.prints(rf"{bob.username} busy \((snapshot|set)\)")
        await bob.put("/users/me/status", {"is_busy": False})
        await example.prints(rf"{bob.username} available \(set\)")


@each_example
async def test_it_ends_when_the_token_is_refused(program: MakeProgram, example_in: ExampleIn, tmp_path: Path) -> None:
    server = program()
    await server.start()
    for credentials in ({"TOKEN": "bad"}, {"USERNAME": "nobody", "PASSWORD": "wrong password"}):
        async with example_in(server.port, credentials, tmp_path) as example, asyncio.timeout(PATIENCE_SECONDS):
            assert await example.process.wait() == 1


@each_example
async def test_it_signs_in_and_outlives_its_token(program: MakeProgram, example_in: ExampleIn, tmp_path: Path) -> None:
    server = program(reconnect_spread_seconds=0.5, access_token_seconds=2, token_warning_seconds=1)
    (bob,) = await server.populate(1)
    await server.start()
    credentials = {"USERNAME": "ada", "PASSWORD": "correct horse battery"}
    body = {"username": credentials["USERNAME"], "password": credentials["PASSWORD"]}
    assert (await server.api.post("/auth/register", body)).status == 201
    async with example_in(server.port, credentials, tmp_path) as example:
        await example.prints(rf"{bob.username} offline \(snapshot\)")
        await asyncio.sleep(3)
        server.kill()
        await server.start()
        await bob.put("/users/me/status", {"is_online": True, "is_busy": True})
        await example.prints(rf"{bob.username} busy \((snapshot|set)\)")


def test_the_app_in_react_native_fits_the_types() -> None:
    tsc = NODE_MODULES / ".bin" / "tsc"
    assert tsc.exists(), "run `make node` first"
    project = Path(__file__).parent / "tsconfig.json"
    done = subprocess.run([tsc, "-p", project], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
