"""Published: the client of the API document, run unchanged in Node and in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from tests.chromium import chromium

HERE = Path(__file__).resolve().parent
NODE_CLIENT = HERE.parent / "node" / "client.js"
NODE_HOOKS = HERE.parent / "node" / "hooks.js"
HOOKS_FILE = HERE / "hooks.ts"
CLASS_FILE = HERE / "feed_web_socket.js"
DRIVER_FILE = HERE / "drive.js"

PATIENCE_SECONDS = 30.0
"""Long, because the client itself waits 5 s before it reconnects."""

Event = dict[str, Any]
PublishedClient = Callable[[int, str], "AbstractAsyncContextManager[ObservedClient]"]


class ObservedClient:
    """A FeedWebSocket, in Node or in Chromium, and the events it reported."""

    def __init__(self, run: Callable[[str], Awaitable[object]]) -> None:
        self._run = run
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def note(self, event: Event) -> None:
        """Record an event."""
        self._events.put_nowait(event)

    async def do(self, statement: str) -> None:
        """Run JavaScript on `feed`."""
        await self._run(statement)

    async def next(self, event: str, **fields: Any) -> Event:
        """Return the next event of that name with these fields, in itself or its message; skip the ones before it."""
        passed: list[Event] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    seen = await self._events.get()
                    known = seen | seen.get("message", {})
                    if seen["event"] == event and all(known.get(name) == value for name, value in fields.items()):
                        return seen
                    passed.append(seen)
        except TimeoutError:
            raise AssertionError(f"no {event} {fields or ''} came, only {passed}") from None


class NodeClient(ObservedClient):
    """The client in Node, which can be paused."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(self._say)
        self._process = process

    def pause(self) -> None:
        """Pause the client, like a phone in a tunnel: the connection stays open, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the paused process."""
        self._process.send_signal(signal.SIGCONT)

    async def read(self) -> None:
        """Record the events that it prints."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.note(json.loads(line))

    async def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()


@contextlib.asynccontextmanager
async def in_node(port: int, token: str) -> AsyncIterator[NodeClient]:
    """Run the client in Node, with the package `ws`."""
    async with _program_of_node(token, NODE_CLIENT, CLASS_FILE, DRIVER_FILE, port) as client:
        yield client


@contextlib.asynccontextmanager
async def hooks_in_node(port: int, token: str) -> AsyncIterator[NodeClient]:
    """Run the hooks in a React app, in Node."""
    async with _program_of_node(token, NODE_HOOKS, HOOKS_FILE, port) as client:
        yield client


@contextlib.asynccontextmanager
async def _program_of_node(token: str, *words: Path | int) -> AsyncIterator[NodeClient]:
    assert (NODE_CLIENT.parent / "node_modules" / "ws").is_dir(), "run `make node` first"
    process = await asyncio.create_subprocess_exec(
        "node", *map(str, words), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    client = NodeClient(process)
    reading = asyncio.create_task(client.read())
    try:
        await client.do(token)
        yield client
    finally:
        process.kill()
        await process.wait()
        await reading


@contextlib.asynccontextmanager
async def in_chromium(port: int, token: str) -> AsyncIterator[ObservedClient]:
    """Run the client in a page that the server itself serves.

    The content policy of that page rightly forbids scripts and connections, so it is bypassed here.
    Host and Origin are still checked.
    """
    async with chromium() as browser:
        page = await browser.new_page(bypass_csp=True)
        client = ObservedClient(
            lambda statement: page.evaluate(f"(() => {{ const feed = window.feed; {statement} }})()")
        )
        await page.expose_function("report", client.note)
        page.on("console", lambda line: client.note({"event": "log", "text": line.text}))
        await page.goto(f"http://localhost:{port}/")
        await page.evaluate(
            f"""([port, token]) => {{
                const makeClass = (WebSocket) => {{ {CLASS_FILE.read_text()}\n return FeedWebSocket; }};
                window.feed = {_without_comments(DRIVER_FILE)}(makeClass, WebSocket, port, token, window.report);
            }}""",
            [port, token],
        )
        yield client


def _without_comments(path: Path) -> str:
    """Return the expression in a file that has only comment lines above it."""
    return "\n".join(line for line in path.read_text().splitlines() if not line.startswith("//"))
