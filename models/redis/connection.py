"""Connections to Redis: the driver's, which write without waiting and can be closed at once."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection


class _Abrupt:
    """What is added to the driver's connections."""

    _reader: asyncio.StreamReader | None
    _writer: asyncio.StreamWriter | None

    def write(self, data: bytes) -> None:
        """Send packed commands. Bytes that the kernel does not take yet are kept.

        The driver's own method would open a lost connection again, and would stop halfway if its task were cancelled.
        """
        assert self._writer is not None, "it is connected"
        self._writer.write(data)

    def abort(self) -> None:
        """Close now, without waiting for the peer to take what has been written."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class TcpConnection(_Abrupt, Connection):
    """Over TCP."""


class TlsConnection(_Abrupt, SSLConnection):
    """Over TCP with TLS."""


class UnixConnection(_Abrupt, UnixDomainSocketConnection):
    """Over a Unix socket."""


RedisConnection = TcpConnection | TlsConnection | UnixConnection


Reply = Any
"""Bytes, an integer, None, or a list of replies."""
