"""Memory: what belongs to a socket is freed when it has closed, without the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def alive(seen: list[weakref.ref[Any]]) -> list[str]:
    """Return what is still alive shortly after the sockets have closed."""
    for _ in range(100):
        left = [type(each).__name__ for ref in seen if (each := ref()) is not None]
        if not left:
            return []
        await asyncio.sleep(0.02)
    return left


@pytest.mark.parametrize("by", ["client", "server", "reset"])
async def test_nothing_of_a_socket_is_kept_by_a_cycle(
    server: RunningServer, user: MakePerson, socket: OpenSocket, by: str
) -> None:
    ada = await user("ada")
    await socket(ada)
    gc.collect()
    gc.disable()
    try:
        opened = [await socket(ada) for _ in range(5)]
        sessions = list(server.core.hub)[1:]
        protocols = [each.transport._protocol for each in sessions]  # type: ignore[attr-defined]
        connections = [each._listener for each in protocols]
        streams = [each._stream for each in protocols]
        seen = [weakref.ref(each) for each in (*sessions, *protocols, *connections, *streams)]
        seen += [weakref.ref(each.outbox) for each in sessions]
        del protocols, connections, streams
        if by == "server":
            for each in sessions:
                each.close(4002, "slow consumer")  # type: ignore[arg-type]
            del each
        del sessions
        for client in opened:
            if by == "reset":
                client.connection.transport.abort()
            else:
                await client.close()
        del client, opened
        assert await alive(seen) == []
    finally:
        gc.enable()
