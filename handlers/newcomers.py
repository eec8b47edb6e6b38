"""Newcomers: connections over which nothing has been sent yet. They wait without costing more than a table entry."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial

from handlers.sockets.readable_sockets import ReadableSockets

WAIT_SECONDS = 1.0
"""A connection that stays silent for longer waits no more: Tornado closes it in the end."""

STRETCH_SECONDS = 0.003
"""How long connections that have waited are begun with before everything else gets a turn."""

Begin = Callable[[socket.socket, tuple[object, ...]], None]
"""Begins with a connection and the address at its other end."""


class Newcomers:
    """Begins with each connection when its first bytes arrive.

    Over a real network a request arrives a round trip after its connection. Tornado would start a task and a timer
    meanwhile, which costs more than all that an upgrade needs.
    """

    def __init__(self, begin: Begin) -> None:
        self._readable = ReadableSockets()  # apart from the open sockets, so that both have their turns
        self._begin = begin
        self._waiting: dict[socket.socket, tuple[tuple[object, ...], float]] = {}
        """Each connection with the address and the time until which it waits, oldest first."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: socket.socket, address: tuple[object, ...]) -> None:
        """Wait for the first bytes."""
        loop = asyncio.get_running_loop()
        self._readable.add(connection.fileno(), partial(self._arrived, connection))
        self._waiting[connection] = address, loop.time() + WAIT_SECONDS
        if self._timer is None:
            self._timer = loop.call_later(WAIT_SECONDS, self._sweep)

    def end(self) -> None:
        """Begin with all of them now."""
        for connection in list(self._waiting):
            self._begin(connection, self._take(connection))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrived(self, connection: socket.socket) -> None:
        self._begin(connection, self._take(connection))

    def _take(self, connection: socket.socket) -> tuple[object, ...]:
        self._readable.remove(connection.fileno())
        return self._waiting.pop(connection)[0]

    def _sweep(self) -> None:
        """Begin with those that have waited long enough. In a crowd, most of them are not silent, but not read yet."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        while self._waiting:
            connection, (_, until) = next(iter(self._waiting.items()))
            if until > now or loop.time() - now > STRETCH_SECONDS:
                self._timer = loop.call_at(until, self._sweep)
                return
            self._begin(connection, self._take(connection))
