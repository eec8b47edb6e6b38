"""The Python example's `Feed`, against a server of the test's own: it outlives any error of `get_token`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

pytestmark = pytest.mark.gen_test(timeout=30)

PATH = Path(__file__).resolve().parents[2] / "examples" / "python" / "feed.py"
Play = Callable[[ServerConnection], Awaitable[None]]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example as a module, with short waits."""
    spec = importlib.util.spec_from_file_location("feed_example", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LONGEST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(module, "TOKEN_SECONDS", 0.1)
    return module


@contextlib.asynccontextmanager
async def serving(play: Play) -> AsyncIterator[str]:
    """Serve sockets that do what the test says. Yields the address."""
    async with serve(play, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def status(user_id: int, **rest: Any) -> dict[str, Any]:
    return {"user_id": user_id, "username": f"user {user_id}", "is_online": True, "last_seen": "", **rest}


def update(user_id: int, seq: int, **rest: Any) -> dict[str, Any]:
    return {
        "type": "user_status_update",
        "user_id": user_id,
        "status": status(user_id, **rest),
        "seq": seq,
        "reason": "set",
    }


def snapshot(seq: int, *user_ids: int, more: bool = False) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "subscription": "feed",
        "seq": seq,
        "users": [status(each) for each in user_ids],
        "more": more,
    }


async def greet(connection: ServerConnection, *messages: dict[str, Any]) -> None:
    greeting = {"type": "connection_established", "user_id": 1, "epoch": "e1", "seq": 3, "resumed": False}
    for message in (greeting, update(1, 3), *messages):
        await connection.send(json.dumps(message))


async def test_whatever_getting_a_token_raises_it_is_asked_again(feed: Any) -> None:
    errors: list[Any] = [
        RuntimeError("no keychain"),
        KeyError("TOKEN"),
        OSError(),
        asyncio.Event().wait,
        TimeoutError(),
    ]

    async def get_token() -> str:
        if not errors:
            return "good"
        error = errors.pop(0)
        if callable(error):
            await error()
        raise error

    async with serving(lambda connection: greet(connection, snapshot(3, 1, 2))) as url:
        changes = feed.Feed(url, get_token).changes()
        assert [(await anext(changes))[0]["user_id"] for _ in range(2)] == [1, 2]
        await changes.aclose()
    assert not errors


async def test_a_token_that_is_not_renewed_leaves_the_connection_as_it_is(feed: Any) -> None:
    tokens = iter(["first"])
    sent: list[dict[str, Any]] = []

    async def get_token() -> str:
        try:
            return next(tokens)
        except StopIteration:
            raise RuntimeError("no keychain") from None

    async def play(connection: ServerConnection) -> None:
        await greet(connection, {"type": "token_expiring"}, update(2, 4))
        sent.extend([json.loads(text) async for text in connection])

    async with serving(play) as url:
        changes = feed.Feed(url, get_token).changes()
        assert [(await anext(changes))[0]["user_id"] for _ in range(2)] == [1, 2]
        await changes.aclose()
    assert sent == []


async def test_a_user_who_needs_to_sign_in_again_ends_it(feed: Any) -> None:
    async def get_token() -> str:
        raise feed.TurnedAway("the login is not valid")

    with pytest.raises(feed.TurnedAway, match="login"):
        await anext(feed.Feed("ws://127.0.0.1:9", get_token).changes())


async def test_a_removed_user_is_gone_and_no_page_brings_them_back(feed: Any) -> None:
    async def get_token() -> str:
        return "good"

    removed = [{"type": "user_removed", "user_id": user_id, "seq": 4} for user_id in (2, 3)]

    async def play(connection: ServerConnection) -> None:
        await greet(connection, update(2, 3), snapshot(3, 1, 2, more=True), *removed, snapshot(3, 3, 4))
        await connection.wait_closed()

    async with serving(play) as url:
        kept = feed.Feed(url, get_token)
        changes = kept.changes()
        told = [await anext(changes) for _ in range(4)]
        assert [(each["user_id"], reason) for each, reason in told] == [
            (1, "set"),
            (2, "set"),
            (2, "removed"),
            (4, "snapshot"),
        ]
        assert kept.users.keys() == {1, 4}
        await changes.aclose()
