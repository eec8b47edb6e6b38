"""Gathered sends: the first bytes leave soon, completely and in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from handlers.sockets import gathered_sends
from handlers.sockets.gathered_sends import GatheredSends

pytestmark = pytest.mark.gen_test

Pair = tuple[socket.socket, socket.socket]
"""The server's end of a connection, and the client's."""


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    """Three connections over TCP."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found = []
        for _ in range(3):
            far = stack.enter_context(socket.create_connection(listening.getsockname()))
            near = stack.enter_context(listening.accept()[0])
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            near.setblocking(False)
            far.settimeout(0.1)  # the kernel itself would let kept bytes go after 0.2 s
            found.append((near, far))
        yield found


async def test_bytes_leave_in_the_next_turn_of_the_loop(pairs: list[Pair]) -> None:
    gathered = GatheredSends()
    for near, _ in pairs:
        assert gathered.send(near, b"first") == 5
    await asyncio.sleep(0)
    assert [far.recv(100) for _, far in pairs] == [b"first"] * 3
    (near, far), *_ = pairs
    gathered.send(near, b"again")
    await asyncio.sleep(0)
    assert far.recv(100) == b"again"


async def test_those_that_are_many_do_not_wait_for_more(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered_sends, "AT_ONCE", 2)
    gathered = GatheredSends()
    for near, _ in pairs[:2]:
        gathered.send(near, b"first")
    assert [far.recv(100) for _, far in pairs[:2]] == [b"first"] * 2


async def test_what_is_sent_after_them_takes_them_along_in_order(pairs: list[Pair]) -> None:
    (near, far), *_ = pairs
    GatheredSends().send(near, b"first, ")
    near.send(b"second")
    assert far.recv(100) == b"first, second"


async def test_a_connection_that_has_been_closed_does_not_hold_up_the_others(pairs: list[Pair]) -> None:
    gathered = GatheredSends()
    for near, _ in pairs:
        gathered.send(near, b"first")
    pairs[0][0].close()
    await asyncio.sleep(0)
    assert [far.recv(100) for _, far in pairs] == [b"first"] * 3
