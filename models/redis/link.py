"""Link: one connection for commands and one for reading, which begin and end together.

If only one of them were replaced, each might reach another server during a failover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
from redis.exceptions import NoScriptError, RedisError, ResponseError

from models.errors import StoreUnavailable
from models.redis.address import RedisAddress
from models.redis.checks import check_info, code_of, connect_error, read_info
from models.redis.connection import RedisConnection, Reply
from models.redis.pipe import Pipe
from models.redis.scripts import Keys, Script, Scripts
from models.shared_log import NotSent, OutcomeUnknown

NOT_CARRIED_OUT = frozenset(
    ("BUSY", "LOADING", "MASTERDOWN", "MISCONF", "NOAUTH", "NOPERM", "NOREPLICAS", "NOSCRIPT", "OOM", "READONLY")
)
"""Redis checks for these before the first write of a script."""

NOT_A_PRIMARY = frozenset(("LOADING", "MASTERDOWN", "NOAUTH", "READONLY", "UNBLOCKED"))
"""After these, the server has to be looked for again."""


class RedisLimits(msgspec.Struct, frozen=True):
    """Times and sizes."""

    connect_seconds: float = 1.5
    """How long connecting may take."""
    silence_seconds: float = 1.5
    """The connection ends when a reply takes longer after the one before."""
    wait_seconds: float = 0.5
    """How long `read` waits for an entry."""
    rest_seconds: float = 0.005
    """The pause between two reads, on average. Without it, each entry is read alone, which costs Redis five times as
    much."""
    pause_seconds: tuple[float, float] = (0.02, 1.0)
    """The pauses between attempts to connect are random, up to a limit that doubles from the first to the second."""
    read_count: int = 1000
    """The most entries in one reply."""
    scan_count: int = 1000
    """The most records in one reply, approximately."""
    log_length: int = 100_000
    """How many entries are kept, approximately."""


class Link:
    """Two open connections to the same server."""

    def __init__(self, connections: tuple[RedisConnection, RedisConnection], limits: RedisLimits) -> None:
        writing, reading = connections
        self._writer = Pipe(writing, limits.silence_seconds, self.drop)
        self._reader = Pipe(reading, limits.wait_seconds + limits.silence_seconds, self.drop)

    @property
    def is_open(self) -> bool:
        """Whether both connections are open."""
        return self._writer.is_open and self._reader.is_open

    def drop(self) -> None:
        """End both connections."""
        self._writer.close()
        self._reader.close()

    async def close(self) -> None:
        """End both connections, and wait until nothing is left of them."""
        self.drop()
        await self._writer.wait_closed()
        await self._reader.wait_closed()

    async def run(self, script: Script, keys: Keys, *arguments: bytes) -> Reply:
        """Run a script. Raises NotSent, OutcomeUnknown."""
        command = (b"EVALSHA", script.sha, b"4", *keys.all, *arguments)
        try:
            return await self._writer.call(*command)
        except NoScriptError:
            # Redis forgets scripts when it is told to, and has then not run it.
            await self.command(b"SCRIPT", b"LOAD", script.text)
            return await self._answer(self._writer.call(*command))
        except ResponseError as error:
            raise self._failure(error) from error

    async def command(self, *command: bytes) -> Reply:
        """Run a command. Raises NotSent, OutcomeUnknown."""
        return await self._answer(self._writer.call(*command))

    async def read(self, *command: bytes) -> Reply:
        """Run a command that may block, or has a large reply. Raises NotSent, OutcomeUnknown."""
        return await self._answer(self._reader.call(*command))

    async def _answer(self, reply: Awaitable[Reply]) -> Reply:
        try:
            return await reply
        except ResponseError as error:
            raise self._failure(error) from error

    def _failure(self, error: ResponseError) -> StoreUnavailable:
        code = code_of(error)
        if code in NOT_A_PRIMARY:
            self.drop()
        failure = NotSent if code in NOT_CARRIED_OUT else OutcomeUnknown
        return failure(f"Redis refused the command: {code}")


async def open_link(address: RedisAddress, scripts: Scripts, limits: RedisLimits) -> Link:
    """Connect, check the server and load the scripts.

    Raises StoreUnavailable or UnusableStore, whose messages say what to do.
    """
    connections = (address.connection(), address.connection())
    is_ready = False
    try:
        async with asyncio.timeout(limits.connect_seconds):
            await _prepare(connections, address, scripts)
        is_ready = True
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        raise connect_error(error, address) from None
    finally:
        if not is_ready:
            for connection in connections:
                connection.abort()
    return Link(connections, limits)


async def _prepare(
    connections: tuple[RedisConnection, RedisConnection], address: RedisAddress, scripts: Scripts
) -> None:
    run_ids = set()
    for connection in connections:
        await connection.connect()  # type: ignore[no-untyped-call]
        info = read_info(await _ask(connection, "INFO"))
        check_info(info, address)
        run_ids.add(info.get("run_id"))
    if len(run_ids) > 1:
        raise StoreUnavailable(f"two servers answer at {address} in turn")
    for script in scripts.all():
        await _ask(connections[0], "SCRIPT", "LOAD", script.text)


async def _ask(connection: RedisConnection, *command: str | bytes) -> Reply:
    await connection.send_command(*command)
    return await connection.read_response(disconnect_on_error=False)
