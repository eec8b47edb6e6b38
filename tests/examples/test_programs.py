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
async def running(*argv: str, url: str, token: str) -> AsyncIterator[Example]:
    """Start the example, and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, "ROLLCALL_URL": url, "TOKEN": token}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Example(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def python_example(port: int, token: str, folder: Path) -> AsyncIterator[Example]:
    """Run examples/python."""
    path = str(ROOT / "examples" / "python" / "feed.py")
    async with running(sys.executable, path, url=f"ws://localhost:{port}", token=token) as example:
        yield example


@contextlib.asynccontextmanager
async def node_example(port: int, token: str, folder: Path) -> AsyncIterator[Example]:
    """Run a copy of examples/node, with its package installed as `npm install` would do it."""
    assert (NODE_MODULES / "ws").is_dir(), "run `make node` first"
    shutil.copytree(ROOT / "examples" / "node", folder / "examples" / "node")
    shutil.copytree(ROOT / "static", folder / "static")
    (folder / "examples" / "node" / "node_modules").symlink_to(NODE_MODULES)
    path = str(folder / "examples" / "node" / "watch.mjs")
    async with running("node", path, url=f"http://localhost:{port}", token=token) as example:
        yield example


ExampleIn = Callable[[int, str, Path], AbstractAsyncContextManager[Example]]
each_example = pytest.mark.parametrize("example_in", [python_example, node_example], ids=["python", "node"])


@each_example
async def test_it_prints_changes_also_after_a_restart(
    program: MakeProgram, example_in: ExampleIn, tmp_path: Path
) -> None:
    server = program(reconnect_spread_seconds=0.5)
    ada, bob = await server.populate(2)
    await server.start()
    async with example_in(server.port, ada.token, tmp_path) as example:
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
    async with example_in(server.port, "bad", tmp_path) as example, asyncio.timeout(PATIENCE_SECONDS):
        assert await example.process.wait() == 1


def test_the_app_in_react_native_fits_the_types() -> None:
    tsc = NODE_MODULES / ".bin" / "tsc"
    assert tsc.exists(), "run `make node` first"
    project = Path(__file__).parent / "tsconfig.json"
    done = subprocess.run([tsc, "-p", project], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
