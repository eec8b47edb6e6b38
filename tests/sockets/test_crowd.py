"""Crowd: known by the connections that wait together; what can wait lets it in first."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from handlers.crowd import CALM_SECONDS, CONNECTIONS_TOGETHER, Crowd
from tests.clients import eventually
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]


class Watched:
    """A crowd with a clock of its own, and how often one has begun."""

    def __init__(self) -> None:
        self.now = 100.0
        self.begun = 0
        self.crowd = Crowd(lambda: self.now)
        self.crowd.on_begin = self._begins

    def _begins(self) -> None:
        self.begun += 1


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    assert gc.isenabled(), "a server that has stopped collects again"


def test_so_many_connections_at_the_same_time_are_a_crowd_for_a_while(watched: Watched) -> None:
    watched.crowd.note(CONNECTIONS_TOGETHER - 1)
    assert not watched.crowd.is_connecting
    watched.crowd.note(CONNECTIONS_TOGETHER)
    assert watched.crowd.is_connecting
    watched.now += CALM_SECONDS
    assert not watched.crowd.is_connecting


def test_a_crowd_that_goes_on_has_begun_once(watched: Watched) -> None:
    for _ in range(5):
        watched.crowd.note(CONNECTIONS_TOGETHER)
        watched.now += CALM_SECONDS / 2
    assert watched.begun == 1
    watched.now += CALM_SECONDS
    watched.crowd.note(CONNECTIONS_TOGETHER)
    assert watched.begun == 2


async def test_without_a_crowd_nothing_waits(watched: Watched) -> None:
    waiting = asyncio.ensure_future(watched.crowd.let_in(60.0))
    await asyncio.sleep(0)
    assert waiting.done()


async def test_what_can_wait_waits_until_the_crowd_is_in(watched: Watched) -> None:
    watched.crowd.note(CONNECTIONS_TOGETHER)
    waiting = asyncio.ensure_future(watched.crowd.let_in(60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.now += CALM_SECONDS
    await waiting


async def test_nothing_waits_for_a_crowd_for_longer_than_it_can(watched: Watched) -> None:
    watched.crowd.note(CONNECTIONS_TOGETHER)
    waiting = asyncio.ensure_future(watched.crowd.let_in(CALM_SECONDS / 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.now += CALM_SECONDS / 2
    assert watched.crowd.is_connecting
    await waiting


async def test_connections_that_wait_together_are_noticed_and_collections_put_off(server: RunningServer) -> None:
    crowd = server.server._traffic.crowd
    with ExitStack() as stack:
        for _ in range(2 * CONNECTIONS_TOGETHER):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        await eventually(lambda: crowd.is_connecting)
        assert not gc.isenabled()
        await eventually(gc.isenabled)


@pytest.mark.settings(save_interval_seconds=0.05)
async def test_evidence_is_saved_once_a_crowd_is_in_or_an_interval_later(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[float] = []
    saves: list[int] = []
    is_in = asyncio.Event()

    async def let_in(at_most: float) -> None:
        waiting.append(at_most)
        await is_in.wait()

    async def flush() -> None:
        saves.append(len(waiting))

    monkeypatch.setattr(server.server._traffic.crowd, "let_in", let_in)
    monkeypatch.setattr(server.core.write_back, "flush", flush)
    await eventually(lambda: 0.05 in waiting)
    saves.clear()
    await asyncio.sleep(0.15)
    assert not saves
    is_in.set()
    await eventually(lambda: bool(saves))
