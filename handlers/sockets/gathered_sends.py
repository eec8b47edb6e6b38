"""Gathered sends: the first messages of connections that arrive together leave together.

Bytes wake the program that waits for them, and waking takes longer than everything else about a send. One that is awake
already, or that waits on many connections, is woken only once for bytes that leave together. So the kernel keeps the
first bytes of a connection until those that came with it have theirs.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress

AT_ONCE = 16
"""Connections that wait for each other at most."""

_KEEP = socket.MSG_MORE if sys.platform == "linux" else 0
"""Says that more follows. Only Linux has it; elsewhere bytes leave at once."""


class GatheredSends:
    """Sends the first bytes of connections, and lets them leave in the next turn of the loop."""

    def __init__(self) -> None:
        self._kept: list[socket.socket] = []

    def send(self, connection: socket.socket, data: bytes) -> int:
        """As `connection.send`. What is sent after that leaves in order, and takes what was kept along."""
        taken = connection.send(data, _KEEP)
        if not self._kept:
            asyncio.get_running_loop().call_soon(self._push)
        self._kept.append(connection)
        if len(self._kept) == AT_ONCE:
            self._push()
        return taken

    def _push(self) -> None:
        kept, self._kept = self._kept, []
        for connection in kept:
            with suppress(OSError):  # it has been closed
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
