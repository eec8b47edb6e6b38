"""Begun stream: a connection of Tornado's, the first bytes of which were read before Tornado knew of it."""

from __future__ import annotations

import socket

from tornado.iostream import IOStream


class BegunStream(IOStream):
    """Reads `begun` first."""

    def __init__(self, connection: socket.socket, begun: bytes, max_buffer_size: int | None) -> None:
        super().__init__(connection, max_buffer_size=max_buffer_size)
        self._begun = begun

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """As IOStream."""
        if not self._begun:
            return super().read_from_fd(buf)
        taken = min(len(buf), len(self._begun))
        buf[:taken] = self._begun[:taken]
        self._begun = self._begun[taken:]
        return taken
