"""The shared log in Redis, as one server uses it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import structlog

from models.errors import StoreUnavailable, UnusableStore
from models.redis.address import RedisAddress
from models.redis.codec import (
    AppendReply,
    adopted_from,
    append_reply,
    entries_of,
    newest_id,
    node_counters,
    packed_rows,
    packed_sessions,
    scanned_rows,
    scanned_sessions,
)
from models.redis.connection import Reply
from models.redis.link import Link, RedisLimits, open_link
from models.redis.scripts import Keys, Script, load_scripts
from models.shared_log import (
    Adopted,
    Appended,
    Fenced,
    ForeignLog,
    NotLost,
    NotSent,
    RowConflict,
    SharedEntry,
    SharedRow,
    Stale,
    StoredRow,
    checked_rows,
    checked_sessions,
    entry_order,
)

UNRESTED_READS = 4
"""How many reads may follow each other without a pause after a quiet moment, so that no change is held up then."""

_log = structlog.stdlib.get_logger("rollcall.redis")


class RedisLog:
    """Implements SharedLog, which describes the methods. `chance` returns a random number from 0 to 1."""

    def __init__(
        self,
        address: RedisAddress,
        prefix: str,
        limits: RedisLimits,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._keys = Keys(prefix)
        self._limits = limits
        self._chance = chance
        self._scripts = load_scripts()
        self._length = b"%d" % limits.log_length
        self._link: Link | None = None
        self._is_adopted = False
        """Whether `adopt` was called on the link. Until then the generation may be another one."""
        self._adopting = asyncio.Lock()
        self._is_closed = False
        self._failures = 0
        """Failed attempts to connect, since the last success."""
        self._trouble = ""
        """Why the last attempt failed."""
        self._rest_until = 0.0

    @property
    def is_connected(self) -> bool:
        return self._is_adopted and self._link is not None and self._link.is_open

    async def connect(self) -> None:
        """Connect once. Raises StoreUnavailable or UnusableStore, whose messages say what to do."""
        self._is_adopted = False
        link = await open_link(self._address, self._scripts, self._limits)
        if self._is_closed:
            await link.close()
            raise NotSent("the log is closed")
        self._link = link

    async def adopt(self, generation: int, seq: int, epoch: str, new_epoch: str, database_id: str) -> Adopted:
        numbers = (b"%d" % generation, b"%d" % seq)
        texts = (epoch.encode(), new_epoch.encode(), database_id.encode())
        async with self._adopting:
            while True:
                try:
                    link = await self._open_link()
                    adopted = adopted_from(
                        await link.run(self._scripts.adopt, self._keys, *numbers, *texts, self._length)
                    )
                except ForeignLog as error:
                    if not generation:
                        raise
                    self._drop()  # the address may lead to the right Redis again
                    await self._pause(error)
                except (StoreUnavailable, UnusableStore) as error:
                    await self._pause(error)
                else:
                    self._recovered()
                    return adopted

    async def append(
        self, generation: int, server: str, op: str, body: bytes, rows: Sequence[SharedRow]
    ) -> Appended | Stale | Fenced | RowConflict:
        packed = packed_rows(checked_rows(rows))
        outcome = await self._append(self._scripts.append, generation, server, f"append {op}".encode(), body, *packed)
        assert not isinstance(outcome, NotLost)
        return outcome

    async def join(self, server: str) -> bool:
        return bool(await self._run(self._scripts.join, server.encode()))

    async def renew(self, server: str) -> bool:
        return bool(await self._run(self._scripts.renew, server.encode()))

    async def leave(self, generation: int, server: str, op: str, body: bytes) -> Appended | Stale | Fenced:
        outcome = await self._append(self._scripts.leave, generation, server, f"left {op}".encode(), body)
        assert not isinstance(outcome, NotLost | RowConflict)
        return outcome

    async def declare_lost(
        self, generation: int, server: str, lost: str, counter: int, op: str
    ) -> Appended | Stale | Fenced | NotLost:
        outcome = await self._append(
            self._scripts.lost, generation, server, f"lost {op}".encode(), lost.encode(), b"%d" % counter
        )
        assert not isinstance(outcome, RowConflict)
        return outcome

    async def forget(self, lost: str) -> None:
        await self._run(self._scripts.forget, lost.encode())

    async def nodes(self) -> dict[str, int | None]:
        return node_counters(await self._adopted_link().command(b"HGETALL", self._keys.nodes))

    async def newest(self) -> str:
        return newest_id(await self._adopted_link().command(b"XREVRANGE", self._keys.log, b"+", b"-", b"COUNT", b"1"))

    async def put_sessions(
        self, generation: int, server: str, op: str, body: bytes, rows: Mapping[str, bytes], gone: Sequence[str]
    ) -> Appended | Stale | Fenced:
        checked_sessions(rows, gone)
        outcome = await self._append(
            self._scripts.sessions, generation, server, f"append {op}".encode(), body, *packed_sessions(rows, gone)
        )
        assert not isinstance(outcome, NotLost | RowConflict)
        return outcome

    async def session_rows(self, server: str, session_ids: Sequence[str]) -> list[bytes | None]:
        key, ids = self._keys.sessions(server), [session_id.encode() for session_id in session_ids]
        return list(await self._adopted_link().command(b"HMGET", key, *ids))

    async def scan_sessions(self, server: str) -> AsyncIterator[dict[str, bytes]]:
        async for found in self._scan(self._keys.sessions(server)):
            yield scanned_sessions(found)

    async def put_ticket(self, ticket: str, identity: bytes, seconds: float) -> None:
        milliseconds = b"%d" % max(1, round(seconds * 1000))
        await self._adopted_link().command(b"SET", self._keys.ticket(ticket), identity, b"PX", milliseconds)

    async def take_ticket(self, ticket: str) -> bytes | None:
        found = await self._adopted_link().command(b"GETDEL", self._keys.ticket(ticket))
        return found if isinstance(found, bytes) else None

    async def read(self, after: str) -> list[SharedEntry]:
        # `$` would skip what is appended before Redis gets the command.
        entry_order(after)
        limits, loop = self._limits, asyncio.get_running_loop()
        if (rest := self._rest_until - loop.time()) > 0:
            await asyncio.sleep(rest)
        count, wait = b"%d" % limits.read_count, b"%d" % round(limits.wait_seconds * 1000)
        reply = await self._adopted_link().read(
            b"XREAD", b"COUNT", count, b"BLOCK", wait, b"STREAMS", self._keys.log, after.encode()
        )
        entries = entries_of(reply)
        if 0 < len(entries) < limits.read_count:
            earliest = loop.time() - UNRESTED_READS * limits.rest_seconds
            self._rest_until = max(self._rest_until, earliest) + limits.rest_seconds
        return entries

    async def scan(self) -> AsyncIterator[dict[int, StoredRow]]:
        async for found in self._scan(self._keys.users):
            yield scanned_rows(found)

    async def close(self) -> None:
        self._is_closed = True
        if self._link is not None:
            await self._link.close()

    async def _scan(self, key: bytes) -> AsyncIterator[list[bytes]]:
        """The fields and values of a hash, some at a time."""
        cursor, count = b"0", b"%d" % self._limits.scan_count
        link = self._adopted_link()
        while True:
            cursor, found = await link.read(b"HSCAN", key, cursor, b"COUNT", count)
            yield found
            if cursor == b"0":
                return

    async def _append(self, script: Script, generation: int, server: str, *arguments: bytes) -> AppendReply:
        return append_reply(await self._run(script, b"%d" % generation, server.encode(), self._length, *arguments))

    async def _run(self, script: Script, *arguments: bytes) -> Reply:
        return await self._adopted_link().run(script, self._keys, *arguments)

    def _adopted_link(self) -> Link:
        if self._link is None or not self._is_adopted or not self._link.is_open:
            raise NotSent("Redis is not connected")
        return self._link

    async def _open_link(self) -> Link:
        if self._is_closed:
            raise NotSent("the log is closed")
        if self._link is None or not self._link.is_open:
            await self.connect()
        assert self._link is not None
        return self._link

    async def _pause(self, error: Exception) -> None:
        """Wait before the next attempt, for a random time, so that the servers do not come back all at once."""
        if self._is_closed:
            raise NotSent("the log is closed") from error
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("redis is not connected", reason=self._trouble)
        least, most = self._limits.pause_seconds
        limit = min(least * 2 ** min(self._failures, 20), most)
        self._failures += 1
        await asyncio.sleep(limit * self._chance())

    def _drop(self) -> None:
        if self._link is not None:
            self._link.drop()

    def _recovered(self) -> None:
        if self._trouble:
            _log.info("redis is connected again")
        self._is_adopted = True
        self._failures = 0
        self._trouble = ""


async def open_redis_log(address: RedisAddress, prefix: str, limits: RedisLimits) -> RedisLog:
    """Connect for the first time. Raises StoreUnavailable or UnusableStore, whose messages say what to do."""
    log = RedisLog(address, prefix, limits)
    await log.connect()
    return log
