"""Driven: clients that use static/rollcall.js, in Node or in a Chromium page, under a test's control."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from tests.chromium import chromium
from tests.clients import Person

NODE = Path(__file__).resolve().parents[1] / "node"
DRIVER = NODE / "drive_rollcall.mjs"
NODE_PROGRAM = NODE / "rollcall_clients.mjs"
LINE_LIMIT_BYTES = 2**24

SCALE = 5
"""The clients' time runs this many times as fast: 25 s of silence take 5 s, a backoff of 20 s takes 4 s."""

Status = dict[str, Any]


class Driven:
    """Some clients. `ask` evaluates a JavaScript expression on `driven` and returns its value."""

    def __init__(self, evaluate: Callable[[str], Awaitable[Any]]) -> None:
        self.ask = evaluate

    async def connect(self) -> None:
        """Connect all clients."""
        await self.ask("driven.connect()")

    async def live(self) -> int:
        """Return how many clients are live."""
        count: int = await self.ask("driven.live()")
        return count

    async def state(self) -> str:
        """Return the first client's state."""
        state: str = await self.ask("driven.rollcall.state")
        return state

    async def states(self) -> list[str]:
        """Return the states that the first client went through, including the first."""
        return [each["after"] for each in await self.ask("driven.states.filter(({ place }) => place === 0)")]

    async def wrong(self, statuses: list[Status]) -> int:
        """Return how many clients disagree with these statuses."""
        count: int = await self.ask(f"driven.wrong({json.dumps(statuses)})")
        return count


class DrivenIn(Protocol):
    """Makes clients of the server at `url`, one for each token, without connecting them."""

    def __call__(
        self, url: str, tokens: Sequence[str], *, scale: float = SCALE
    ) -> AbstractAsyncContextManager[Driven]: ...


@contextlib.asynccontextmanager
async def in_node(url: str, tokens: Sequence[str], *, scale: float = SCALE) -> AsyncIterator[Driven]:
    """Make the clients in Node, with the package `ws`."""
    assert (NODE / "node_modules" / "ws").is_dir(), "run `make node` first"
    process = await asyncio.create_subprocess_exec(
        "node", str(NODE_PROGRAM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_LIMIT_BYTES
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, replies, numbers = process.stdin, process.stdout, itertools.count()

    async def say(value: Any) -> None:
        to.write(json.dumps(value).encode() + b"\n")
        await to.drain()

    async def evaluate(expression: str) -> Any:
        number = next(numbers)
        await say({"id": number, "expression": expression})
        reply = json.loads(await replies.readline())
        assert reply["id"] == number
        return reply["value"]

    try:
        await say({"url": url, "tokens": list(tokens), "scale": scale})
        yield Driven(evaluate)
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def in_chromium(url: str, tokens: Sequence[str], *, scale: float = SCALE) -> AsyncIterator[Driven]:
    """Make the clients in a page of the server; its content policy, which forbids scripts, is bypassed."""
    driver = base64.b64encode(DRIVER.read_bytes()).decode()
    async with chromium() as browser:
        page = await browser.new_page(bypass_csp=True)
        await page.goto(url)
        await page.evaluate(
            """async ([driver, given]) => {
                const { drive } = await import(`data:text/javascript;base64,${driver}`);
                const { Rollcall } = await import("/static/rollcall.js");
                window.driven = drive({ Rollcall, WebSocket, ...given });
            }""",
            [driver, {"url": url, "tokens": list(tokens), "scale": scale}],
        )
        yield Driven(lambda expression: page.evaluate(f"() => {expression}"))


async def everyone(person: Person) -> list[Status]:
    """Return the server's own view: all pages of GET /feed/users."""
    statuses: list[Status] = []
    for page in itertools.count(1):
        answer = await person.get("/feed/users", page=page, per_page=100)
        assert answer.status == 200, answer.body
        statuses += answer.body["items"]
        if not answer.body["has_next"]:
            break
    return statuses
