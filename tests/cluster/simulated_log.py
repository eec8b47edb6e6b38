"""Simulated log: the shared log in memory, as one server uses it, with faults on request.

Each server has its own `SimulatedLog` on one `SimulatedEngine`. Nothing here waits for time: what a test holds back
goes on when the test says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

from models.errors import StoreUnavailable
from models.shared_log import (
    Adopted,
    Appended,
    Fenced,
    ForeignLog,
    NotLost,
    NotSent,
    OutcomeUnknown,
    RowConflict,
    SharedEntry,
    SharedRow,
    Stale,
    StoredRow,
    checked_rows,
    checked_sessions,
    entry_order,
)
from tests.cluster.simulated_engine import SimulatedEngine

T = TypeVar("T")

SCAN_COUNT = 2
"""Small, so that records change between two parts of a scan."""


class SimulatedLog:
    """One server's access to the engine. Implements SharedLog, which describes the methods that are not faults."""

    def __init__(self, engine: SimulatedEngine) -> None:
        self._engine = engine
        engine.connections.append(self)
        self._is_adopted = False
        self._is_cut_off = False
        self._is_closed = False
        self._refusals = 0
        self._lost_replies = 0
        self._held: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] | None = None
        self._deliverable: int | None = None
        """How many more entries the reader may get. None stands for all."""
        self._read_ends = False
        self._waiting: list[asyncio.Future[None]] = []
        """Calls that wait for entries or for the engine."""

    # Faults.

    def cut_off(self) -> None:
        """Cut this server off from the engine. Commands that are held are never carried out."""
        self._is_cut_off = True
        self.drop()

    def reconnect(self) -> None:
        """Let this server reach the engine again."""
        self._is_cut_off = False
        self.look_again()

    def drop(self) -> None:
        """Lose the connection. The outcome of commands that are held is unknown to their callers."""
        self._is_adopted = False
        held, self._held = self._held or deque(), None
        for _, future in held:
            if not future.done():
                future.set_exception(OutcomeUnknown("the connection was lost"))
        self.look_again()

    def refuse(self, commands: int = 1) -> None:
        """Refuse the next commands, as Redis does when it is out of memory. They are not carried out."""
        self._refusals += commands

    def lose_replies(self, commands: int = 1) -> None:
        """Carry out the next commands, but lose the connection before they are answered."""
        self._lost_replies += commands

    def hold(self) -> None:
        """Hold commands back until `release`, or until the connection is lost."""
        if self._held is None:
            self._held = deque()

    def release(self) -> None:
        """Carry out the commands that are held, in order."""
        while self._held:
            self._carry_out(*self._held.popleft())
        self._held = None

    def hold_delivery(self) -> None:
        """Deliver no entries from now on."""
        self._deliverable = 0

    def deliver(self, entries: int = 1) -> None:
        """Deliver some of the entries that are held back, or that come."""
        if self._deliverable is not None:
            self._deliverable += entries
        self.look_again()

    def release_delivery(self) -> None:
        """Deliver everything again."""
        self._deliverable = None
        self.look_again()

    def end_read(self) -> None:
        """End a read that waits: it has waited long enough, and returns nothing."""
        self._read_ends = True
        self.look_again()

    def look_again(self) -> None:
        """Wake the calls that wait: there may be entries, or a connection, or none any more."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # SharedLog.

    @property
    def is_connected(self) -> bool:
        return self._is_adopted

    async def adopt(self, generation: int, seq: int, epoch: str, new_epoch: str, database_id: str) -> Adopted:
        while True:
            while (self._is_cut_off or not self._engine.is_up) and not self._is_closed:
                await self._woken()
            if self._is_closed:
                raise NotSent("the log is closed")
            try:
                adopted = await self._command(
                    lambda: self._engine.adopt(generation, seq, epoch, new_epoch, database_id), is_adopting=True
                )
            except StoreUnavailable:
                continue
            except ForeignLog:
                if not generation:
                    raise
                await self._woken()
                continue
            self._is_adopted = True
            return adopted

    async def append(
        self, generation: int, server: str, op: str, body: bytes, rows: Sequence[SharedRow]
    ) -> Appended | Stale | Fenced | RowConflict:
        checked = tuple(checked_rows(rows))
        return await self._command(lambda: self._engine.append(generation, server, op, body, checked))

    async def join(self, server: str) -> bool:
        return await self._command(lambda: self._engine.join(server))

    async def renew(self, server: str) -> bool:
        return await self._command(lambda: self._engine.renew(server))

    async def leave(self, generation: int, server: str, op: str, body: bytes) -> Appended | Stale | Fenced:
        return await self._command(lambda: self._engine.leave(generation, server, op, body))

    async def declare_lost(
        self, generation: int, server: str, lost: str, counter: int, op: str
    ) -> Appended | Stale | Fenced | NotLost:
        return await self._command(lambda: self._engine.declare_lost(generation, server, lost, counter, op))

    async def forget(self, lost: str) -> None:
        await self._command(lambda: self._engine.forget(lost))

    async def nodes(self) -> dict[str, int | None]:
        return await self._command(lambda: dict(self._engine.contents.nodes))

    async def newest(self) -> str:
        return await self._command(self._engine.last_id)

    async def put_sessions(
        self, generation: int, server: str, op: str, body: bytes, rows: Mapping[str, bytes], gone: Sequence[str]
    ) -> Appended | Stale | Fenced:
        checked_sessions(rows, gone)
        return await self._command(lambda: self._engine.put_sessions(generation, server, op, body, rows, gone))

    async def session_rows(self, server: str, session_ids: Sequence[str]) -> list[bytes | None]:
        return await self._command(
            lambda: [self._engine.contents.sessions.get(server, {}).get(each) for each in session_ids]
        )

    async def scan_sessions(self, server: str) -> AsyncIterator[dict[str, bytes]]:
        session_ids = sorted(self._engine.contents.sessions.get(server, {}))
        while True:
            part, session_ids = session_ids[:SCAN_COUNT], session_ids[SCAN_COUNT:]
            if not self._is_adopted:
                raise NotSent("not connected")
            rows = self._engine.contents.sessions.get(server, {})
            yield {session_id: rows[session_id] for session_id in part if session_id in rows}
            if not session_ids:
                return

    async def put_ticket(self, ticket: str, identity: bytes, seconds: float) -> None:
        await self._command(lambda: self._engine.tickets.__setitem__(ticket, identity))

    async def take_ticket(self, ticket: str) -> bytes | None:
        return await self._command(lambda: self._engine.tickets.pop(ticket, None))

    async def read(self, after: str) -> list[SharedEntry]:
        entry_order(after)
        if not self._is_adopted:
            raise NotSent("not connected")
        while not (entries := self._engine.entries_after(after)[: self._deliverable]):
            self._read_ends = False
            await self._woken()
            if not self._is_adopted:
                raise OutcomeUnknown("the connection was lost")
            if self._read_ends:
                return []
        if self._deliverable is not None:
            self._deliverable -= len(entries)
        return entries

    async def scan(self) -> AsyncIterator[dict[int, StoredRow]]:
        user_ids = sorted(self._engine.contents.users)
        while True:
            part, user_ids = user_ids[:SCAN_COUNT], user_ids[SCAN_COUNT:]
            if not self._is_adopted:
                raise NotSent("not connected")
            users = self._engine.contents.users
            yield {user_id: users[user_id] for user_id in part if user_id in users}
            if not user_ids:
                return

    async def close(self) -> None:
        self._is_closed = True
        self.drop()

    async def _command(self, work: Callable[[], T], *, is_adopting: bool = False) -> T:
        if not self._is_adopted and not is_adopting:
            raise NotSent("not connected")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._held is None:
            self._carry_out(work, future)
        else:
            self._held.append((work, future))
        return await future

    def _carry_out(self, work: Callable[[], T], future: asyncio.Future[T]) -> None:
        """Carry out a command, whether or not somebody still waits for its result."""
        error: Exception | None = None
        result: Any = None
        if self._refusals:
            self._refusals -= 1
            error = NotSent("refused")
        else:
            try:
                result = work()
            except ForeignLog as foreign:
                error = foreign
            if self._lost_replies:
                self._lost_replies -= 1
                self.drop()
                error = OutcomeUnknown("the reply was lost")
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    async def _woken(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
