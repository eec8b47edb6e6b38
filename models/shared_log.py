"""Shared log: the one order of all changes when several servers run, and the records that the changes leave.

A server decides on the basis of the records it knows and appends what follows. The entry is accepted only if these
records are still the latest. Every server, including the one that appended, then reads the entry from the log.

An id of an entry is `<generation>-<n>`. Within a generation n rises by one. A generation begins with a rebase, which
has n = 0. A new one begins when the engine was restarted, restored or replaced by a replica, because it may then have
lost its last entries. Generations only rise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from models.errors import StoreUnavailable, UnusableStore

NO_ENTRY = "0-0"
"""The id before the first entry."""

MOST_ROWS = 200
"""The most rows in one entry. The engine does nothing else while it writes them."""


class NotSent(StoreUnavailable):
    """The command was certainly not carried out."""


class OutcomeUnknown(StoreUnavailable):
    """The command may or may not have been carried out. Decide again from the latest records."""


class ForeignLog(UnusableStore):
    """The log belongs to another database."""


class SharedRow(msgspec.Struct, frozen=True):
    """A user's new record, to be appended."""

    user_id: int
    seen: str
    """The id of the entry that wrote the record on which the new one is based, or "" if there was none."""
    is_announced: bool
    record: bytes


class StoredRow(msgspec.Struct, frozen=True):
    """A user's latest record."""

    entry_id: str
    """The entry that wrote it."""
    seq: int
    """The `seq` of the user's last announced change, or 0 if there was none."""
    is_announced: bool
    record: bytes


class EntryRow(msgspec.Struct, frozen=True):
    """A record as an entry wrote it."""

    user_id: int
    seq: int
    """The `seq` of this change, or 0 if it is not announced."""
    is_announced: bool
    record: bytes


class SharedEntry(msgspec.Struct, frozen=True):
    """One entry of the log. Its rows took effect together."""

    entry_id: str
    kind: Literal["append", "left", "lost", "rebase"]
    seq: int
    """The last `seq` given before. In a rebase, the one from which the new epoch counts on."""
    op: str = ""
    body: bytes = b""
    rows: tuple[EntryRow, ...] = ()
    by: str = ""
    """The server that appended it. In `left`, the server that has gone. A rebase has none."""
    lost: str = ""
    """In `lost`, the server that was declared lost."""
    epoch: str = ""
    """In a rebase, the new epoch."""
    cut: str = ""
    """In a rebase, the id of the last entry before it."""


class Appended(msgspec.Struct, frozen=True):
    """The entry was appended."""

    entry_id: str


class Stale(msgspec.Struct, frozen=True):
    """Nothing was written: the generation is over, or the engine has changed. Call `adopt`, then decide again."""

    generation: int
    """The generation that the engine has, or 0 if it has none."""


class Fenced(msgspec.Struct, frozen=True):
    """Nothing was written: the server has not joined, has left, or was declared lost."""


class RowConflict(msgspec.Struct, frozen=True):
    """Nothing was written: these users have other records than the ones seen. None stands for no record."""

    rows: dict[int, StoredRow | None]


class NotLost(msgspec.Struct, frozen=True):
    """Nothing was written: the server has been renewed since, or has left, or was declared lost before."""


class Adopted(msgspec.Struct, frozen=True):
    """The state of the log at the moment of `adopt`."""

    generation: int
    epoch: str
    seq: int
    """The last `seq` given."""
    last_id: str
    """The id of the last entry."""
    is_new: bool
    """Whether this call began the generation."""
    cut: str
    """The id of the last entry before the generation, or "0-0".

    A server that has applied another last entry of earlier generations must read all records again.
    """


class SharedLog(Protocol):
    """One server's access to the log.

    While it is not connected, every method except `adopt` raises NotSent. All of them can raise OutcomeUnknown, which
    means that the connection has been lost. After either error, `adopt` connects again. Giving up a call leaves the
    connection and the calls of others alone; the command may still be carried out.
    """

    @property
    def is_connected(self) -> bool:
        """Whether commands can be sent."""

    async def adopt(self, generation: int, seq: int, epoch: str, new_epoch: str, database_id: str) -> Adopted:
        """Connect if necessary, and learn the generation, or begin a new one if the engine has changed.

        `generation`, `seq` and `epoch` are what the server knows: 0, 0 and "" at its start. `new_epoch` is the epoch
        of the generation that this call may begin. Waits until the engine answers. Raises ForeignLog at the start;
        later it waits until the engine is the right one again.
        """

    async def append(
        self, generation: int, server: str, op: str, body: bytes, rows: Sequence[SharedRow]
    ) -> Appended | Stale | Fenced | RowConflict:
        """Write all rows and one entry about them, or nothing.

        Raises ValueError for more than 200 rows, or two of one user.
        """

    async def join(self, server: str) -> bool:
        """Add a server, with 1 as its renewal counter. Returns False if it was declared lost.

        A server that is already there keeps its counter.
        """

    async def renew(self, server: str) -> bool:
        """Raise the server's renewal counter. Returns False if it has not joined, has left, or was declared lost."""

    async def leave(self, generation: int, server: str, op: str, body: bytes) -> Appended | Stale | Fenced:
        """Remove a server, with an entry that tells the others."""

    async def declare_lost(
        self, generation: int, server: str, lost: str, counter: int, op: str
    ) -> Appended | Stale | Fenced | NotLost:
        """Declare another server lost if its renewal counter is still `counter`, with an entry that tells everyone."""

    async def forget(self, lost: str) -> None:
        """Remove a server that was declared lost. Any other server stays."""

    async def nodes(self) -> dict[str, int | None]:
        """The renewal counter of each server, or None if it was declared lost."""

    async def newest(self) -> str:
        """The id of the last entry."""

    async def put_sessions(
        self, generation: int, server: str, op: str, body: bytes, rows: Mapping[str, bytes], gone: Sequence[str]
    ) -> Appended | Stale | Fenced:
        """Write rows of the server's sockets, by id, and remove others, with an entry that tells everyone.

        An empty body makes no entry, and the answer then has no id. The rows go with the server: when it leaves, or is
        declared lost. Raises ValueError for more than 200 rows, written and removed.
        """

    async def session_rows(self, server: str, session_ids: Sequence[str]) -> list[bytes | None]:
        """The rows of these sockets of a server. None stands for no row."""

    def scan_sessions(self, server: str) -> AsyncIterator[dict[str, bytes]]:
        """All rows of a server, some at a time. Not at the same time as `read`."""

    async def put_ticket(self, ticket: str, identity: bytes, seconds: float) -> None:
        """Keep what a ticket stands for, for some time."""

    async def take_ticket(self, ticket: str) -> bytes | None:
        """What the ticket stands for, once. None if it is unknown, was taken or has expired."""

    async def read(self, after: str) -> list[SharedEntry]:
        """The next entries after an id, in order. Waits for some 100 ms if there are none, then returns an empty list.

        Entries that are no longer kept are skipped; `follows` shows it. Only one caller at a time.
        """

    def scan(self) -> AsyncIterator[dict[int, StoredRow]]:
        """All records, some at a time. A record that changes meanwhile may appear in its old or its new form, or both.

        Not at the same time as `read`.
        """

    async def close(self) -> None:
        """Close the connection for good."""


def entry_order(entry_id: str) -> tuple[int, int]:
    """The generation and n of an entry's id, for comparing. Raises ValueError."""
    generation, n = entry_id.split("-")
    return int(generation), int(n)


def follows(entry: SharedEntry, after: str) -> bool:
    """Whether no entry is missing between the one with the id `after` and this one.

    If not, the reader must read all records again.
    """
    if entry.kind == "rebase":
        return entry.cut == after
    generation, n = entry_order(after)
    return entry_order(entry.entry_id) == (generation, n + 1)


def checked_sessions(rows: Mapping[str, bytes], gone: Sequence[str]) -> None:
    """Raise ValueError unless so many rows of sockets can be written at once."""
    if len(rows) + len(gone) > MOST_ROWS:
        raise ValueError(f"at most {MOST_ROWS} rows of sockets are written at once")


def checked_rows(rows: Sequence[SharedRow]) -> Sequence[SharedRow]:
    """Raise ValueError unless an entry can have these rows."""
    if len(rows) > MOST_ROWS:
        raise ValueError(f"an entry has at most {MOST_ROWS} rows")
    if len(rows) > 1 and len({row.user_id for row in rows}) < len(rows):
        raise ValueError("an entry has at most one row of each user")
    return rows
