"""Pipe: sends commands over one connection as they come, and gives each caller its reply.

Redis answers in the order in which it is asked. So a command is never cancelled: a caller that gives up leaves its
reply to be read and dropped. If Redis is silent, the connection ends, and with it all commands that are waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from redis.exceptions import RedisError, ResponseError

from models.redis.connection import RedisConnection, Reply
from models.shared_log import NotSent, OutcomeUnknown

CHECKS = 5
"""The silence is noticed after this many checks without a reply.

Counting checks rather than seconds keeps a connection that waited only because this process was paused.
"""


class Pipe:
    """One open connection. `silence_seconds` is how long a reply may take, after the one before."""

    def __init__(self, connection: RedisConnection, silence_seconds: float, on_close: Callable[[], None]) -> None:
        self._connection = connection
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._unsent: list[tuple[list[bytes], asyncio.Future[Reply]]] = []
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._check_seconds = silence_seconds / CHECKS
        self._silent_checks = 0
        self.is_open = True
        self._timer = self._loop.call_later(self._check_seconds, self._check)
        self._receiving = self._loop.create_task(self._receive())

    def call(self, *command: bytes) -> asyncio.Future[Reply]:
        """Send a command. The future gets its reply, or raises ResponseError, NotSent or OutcomeUnknown."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if not self.is_open:
            future.set_exception(NotSent("Redis is not connected"))
            return future
        if not self._unsent:
            # Commands of the same turn of the loop are sent together.
            self._loop.call_soon(self._send)
        self._unsent.append((self._connection.pack_command(*command), future))
        return future

    def close(self) -> None:
        """End the connection. Every caller that waits learns whether its command was sent."""
        if not self.is_open:
            return
        self.is_open = False
        self._timer.cancel()
        self._connection.abort()
        for future in self._waiting:
            _fail(future, OutcomeUnknown("Redis did not answer"))
        for _, future in self._unsent:
            _fail(future, NotSent("Redis is not connected"))
        self._waiting.clear()
        self._unsent.clear()
        self._on_close()

    async def wait_closed(self) -> None:
        """Wait until nothing is left of a closed connection."""
        await asyncio.wait((self._receiving,))

    def _send(self) -> None:
        if self.is_open:
            self._connection.write(b"".join([part for parts, _ in self._unsent for part in parts]))
            self._waiting.extend([future for _, future in self._unsent])
            self._unsent.clear()

    async def _receive(self) -> None:
        try:
            while True:
                reply = await self._next_reply()
                self._silent_checks = 0
                future = self._waiting.popleft()
                if future.done():
                    continue
                if isinstance(reply, ResponseError):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
        except (RedisError, OSError, IndexError):
            # Lost, or out of step with the protocol. Those who wait are told below.
            return
        finally:
            self.close()

    async def _next_reply(self) -> Reply:
        try:
            return await self._connection.read_response(disconnect_on_error=False)
        except ResponseError as error:
            return error

    def _check(self) -> None:
        self._silent_checks = self._silent_checks + 1 if self._waiting else 0
        if self._silent_checks >= CHECKS:
            self.close()
        else:
            self._timer = self._loop.call_later(self._check_seconds, self._check)


def _fail(future: asyncio.Future[Reply], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
