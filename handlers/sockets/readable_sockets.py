"""Readable sockets: finds those of many sockets that have something to read, with an epoll of their own.

The event loop makes four objects for each socket that it watches, which takes longer than all the system calls of a new
connection. Here it watches one descriptor, which is readable when any of the sockets is.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable

import structlog

AT_A_STRETCH = 64
"""Sockets that are read at most before everything else gets a turn."""

STRETCH_SECONDS = 0.003
"""How long they are read at most before that."""

_log = structlog.stdlib.get_logger("rollcall.sockets")


class ReadableSockets:
    """Calls a function for each socket when there is something to read.

    The epoll exists while there are sockets, so there is nothing to close in the end. If no file is left for it, the
    event loop watches the sockets.
    """

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._on_readable: dict[int, Callable[[], None]] = {}
        self._left_to_loop = set[int]()
        """Sockets that the event loop watches itself."""

    def add(self, descriptor: int, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` whenever there is something to read, until it is removed."""
        epoll = self._epoll
        if epoll is None:
            epoll = self._open()
        if epoll is None:
            asyncio.get_running_loop().add_reader(descriptor, on_readable)
            self._left_to_loop.add(descriptor)
            return
        epoll.register(descriptor, select.EPOLLIN)
        self._on_readable[descriptor] = on_readable

    def remove(self, descriptor: int) -> None:
        """Call it no more. The socket must still be open."""
        epoll = self._epoll
        if epoll is None or self._on_readable.pop(descriptor, None) is None:
            if descriptor in self._left_to_loop:
                self._left_to_loop.remove(descriptor)
                asyncio.get_running_loop().remove_reader(descriptor)
            return
        epoll.unregister(descriptor)
        if not self._on_readable:
            self._epoll = None
            asyncio.get_running_loop().remove_reader(epoll.fileno())
            epoll.close()

    def _open(self) -> select.epoll | None:
        """A new epoll, or None if there are too many open files."""
        try:
            epoll = select.epoll()
        except OSError:
            return None
        asyncio.get_running_loop().add_reader(epoll.fileno(), self._look)
        self._epoll = epoll
        return epoll

    def _look(self) -> None:
        """Read sockets until the time is up. Those that are left are found again at the next look."""
        if self._epoll is None:
            return
        end = time.monotonic() + STRETCH_SECONDS
        for descriptor, _ in self._epoll.poll(0, AT_A_STRETCH):
            if time.monotonic() > end:
                return
            on_readable = self._on_readable.get(descriptor)
            if on_readable is not None:  # otherwise one before has closed it
                try:
                    on_readable()
                except Exception:
                    _log.exception("reading a socket failed", descriptor=descriptor)
