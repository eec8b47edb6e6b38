"""Simulated engine: what Redis and the scripts in models/redis do, in memory and synchronous."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.shared_log import (
    NO_ENTRY,
    Adopted,
    Appended,
    EntryRow,
    Fenced,
    ForeignLog,
    NotLost,
    RowConflict,
    SharedEntry,
    SharedRow,
    Stale,
    StoredRow,
    entry_order,
)

SEQ_STEP = 1 << 20


class Connection(Protocol):
    """One server's connection to the engine."""

    def drop(self) -> None:
        """Lose the connection."""

    def look_again(self) -> None:
        """There may be entries, or a connection, or none any more."""


@dataclass(frozen=True)
class Meta:
    """What the key `meta` holds."""

    generation: int = 0
    fence: int = 0
    seq: int = 0
    epoch: str = ""
    cut: str = ""
    database_id: str = ""


@dataclass
class Contents:
    """All that an engine holds."""

    meta: Meta = Meta()
    log: list[SharedEntry] = field(default_factory=list)
    newest_id: str = NO_ENTRY
    """The last id given, even if its entry has been trimmed."""
    users: dict[int, StoredRow] = field(default_factory=dict)
    nodes: dict[str, int | None] = field(default_factory=dict)
    sessions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The rows of each server's sockets. A server without rows has no key."""

    def copy(self) -> Contents:
        """Return a copy that no longer changes."""
        sessions = {server: dict(rows) for server, rows in self.sessions.items()}
        return Contents(self.meta, list(self.log), self.newest_id, dict(self.users), dict(self.nodes), sessions)


class SimulatedEngine:
    """One Redis. Its clock is always later than the last generation, whatever else it loses."""

    def __init__(self) -> None:
        self.contents = Contents()
        self.fence = 1
        self.is_up = True
        self.tickets: dict[str, bytes] = {}
        self.connections: list[Connection] = []
        self._latest_generation = 99
        self._before: list[Contents] = []
        """What was there before each entry."""

    # What the scripts do.

    def adopt(self, generation: int, seq: int, epoch: str, new_epoch: str, database_id: str) -> Adopted:
        """Tell the current generation, or begin a new one."""
        meta, last_id = self.contents.meta, self.last_id()
        if meta.database_id not in ("", database_id):
            raise ForeignLog("another database")
        is_ahead = generation > meta.generation or (generation == meta.generation and epoch != meta.epoch)
        if meta.fence == self.fence and not is_ahead:
            return Adopted(meta.generation, meta.epoch, meta.seq, last_id, False, meta.cut)
        is_first = meta.generation == 0 and generation == 0
        next_seq = 0 if is_first else max(meta.seq, seq) + SEQ_STEP
        next_generation = max(meta.generation, generation, self._latest_generation) + 1
        self._latest_generation = next_generation
        entry_id = self._add(
            next_generation, lambda entry_id: SharedEntry(entry_id, "rebase", next_seq, epoch=new_epoch, cut=last_id)
        )
        self.contents.meta = Meta(next_generation, self.fence, next_seq, new_epoch, last_id, database_id)
        return Adopted(next_generation, new_epoch, next_seq, entry_id, True, last_id)

    def append(
        self, generation: int, server: str, op: str, body: bytes, rows: Sequence[SharedRow]
    ) -> Appended | Stale | Fenced | RowConflict:
        """Write all rows and one entry, or nothing."""
        if refusal := self._refusal(generation, server):
            return refusal
        latest = {row.user_id: self.contents.users.get(row.user_id) for row in rows}
        written_by = {user_id: stored.entry_id if stored else "" for user_id, stored in latest.items()}
        conflicts = {row.user_id: latest[row.user_id] for row in rows if row.seen != written_by[row.user_id]}
        if conflicts:
            return RowConflict(conflicts)
        first = seq = self.contents.meta.seq
        written: list[EntryRow] = []
        for row in rows:
            seq += row.is_announced
            written.append(EntryRow(row.user_id, seq if row.is_announced else 0, row.is_announced, row.record))
        entry_id = self._add(
            generation, lambda entry_id: SharedEntry(entry_id, "append", first, op, body, tuple(written), server)
        )
        for new in written:
            before = latest[new.user_id]
            own_seq = new.seq or (before.seq if before else 0)
            self.contents.users[new.user_id] = StoredRow(entry_id, own_seq, new.is_announced, new.record)
        self._set_seq(seq)
        return Appended(entry_id)

    def join(self, server: str) -> bool:
        """Add a server, unless it is there."""
        return self.contents.nodes.setdefault(server, 1) is not None

    def renew(self, server: str) -> bool:
        """Raise a server's counter, if it has one."""
        counter = self.contents.nodes.get(server)
        if counter is None:
            return False
        self.contents.nodes[server] = counter + 1
        return True

    def leave(self, generation: int, server: str, op: str, body: bytes) -> Appended | Stale | Fenced:
        """Remove a server, with an entry."""
        if refusal := self._refusal(generation, server):
            return refusal
        seq = self.contents.meta.seq
        entry_id = self._add(generation, lambda entry_id: SharedEntry(entry_id, "left", seq, op, body, by=server))
        del self.contents.nodes[server]
        self.contents.sessions.pop(server, None)
        return Appended(entry_id)

    def declare_lost(
        self, generation: int, server: str, lost: str, counter: int, op: str
    ) -> Appended | Stale | Fenced | NotLost:
        """Declare a server lost unless it has been renewed, with an entry."""
        if refusal := self._refusal(generation, server):
            return refusal
        if self.contents.nodes.get(lost) != counter:
            return NotLost()
        seq = self.contents.meta.seq
        entry_id = self._add(generation, lambda entry_id: SharedEntry(entry_id, "lost", seq, op, by=server, lost=lost))
        self.contents.nodes[lost] = None
        self.contents.sessions.pop(lost, None)
        return Appended(entry_id)

    def put_sessions(
        self, generation: int, server: str, op: str, body: bytes, rows: Mapping[str, bytes], gone: Sequence[str]
    ) -> Appended | Stale | Fenced:
        """Write and remove rows of sockets, with an entry unless its body is empty."""
        if refusal := self._refusal(generation, server):
            return refusal
        entry_id, seq = NO_ENTRY, self.contents.meta.seq
        if body:
            entry_id = self._add(generation, lambda entry_id: SharedEntry(entry_id, "append", seq, op, body, by=server))
        theirs = {key: row for key, row in self.contents.sessions.pop(server, {}).items() if key not in gone}
        if theirs | rows:
            self.contents.sessions[server] = theirs | rows
        return Appended(entry_id)

    def forget(self, lost: str) -> None:
        """Remove a server that was declared lost."""
        if self.contents.nodes.get(lost, 0) is None:
            del self.contents.nodes[lost]

    def entries_after(self, after: str) -> list[SharedEntry]:
        """Return the entries that are still kept."""
        order = entry_order(after)
        later = itertools.takewhile(lambda entry: entry_order(entry.entry_id) > order, reversed(self.contents.log))
        return list(later)[::-1]

    # What happens to it.

    def stop(self) -> None:
        """Stop. Every connection is lost, and nobody can connect."""
        self.is_up = False
        self._drop_connections()

    def start(self, *, lost_entries: int | None = 0) -> None:
        """Start again without the last entries and all that was written since. None stands for losing everything."""
        self._change_contents(lost_entries)
        self.is_up = True
        for connection in self.connections:
            connection.look_again()

    def fail_over(self, *, lost_entries: int | None = 0, drops_connections: bool = True) -> None:
        """Promote a replica that lacks the last entries. Doing so twice is a failover there and back."""
        self._change_contents(lost_entries)
        if drops_connections:
            self._drop_connections()

    def attach_replica(self) -> None:
        """Attach the first replica: the fence changes, and nothing else."""
        self.fence += 1

    def trim(self, keep: int) -> None:
        """Forget all but the last entries."""
        self.contents.log = self.contents.log[max(0, len(self.contents.log) - keep) :]

    def _change_contents(self, lost_entries: int | None) -> None:
        self.fence += 1
        if lost_entries is None:
            self.contents = Contents()
            self._before.clear()
        elif lost_entries:
            lost = min(lost_entries, len(self._before))
            if lost:
                self.contents = self._before[-lost]
                del self._before[-lost:]

    def _drop_connections(self) -> None:
        for connection in self.connections:
            connection.drop()

    def _refusal(self, generation: int, server: str) -> Stale | Fenced | None:
        meta = self.contents.meta
        if generation != meta.generation or meta.fence != self.fence:
            return Stale(meta.generation)
        return None if self.contents.nodes.get(server) is not None else Fenced()

    def _add(self, generation: int, make: Callable[[str], SharedEntry]) -> str:
        self._before.append(self.contents.copy())
        newest_generation, n = entry_order(self.contents.newest_id)
        entry_id = f"{generation}-{n + 1 if generation == newest_generation else 0}"
        self.contents.log.append(make(entry_id))
        self.contents.newest_id = entry_id
        for connection in self.connections:
            connection.look_again()
        return entry_id

    def last_id(self) -> str:
        """Return the id of the last entry."""
        return self.contents.log[-1].entry_id if self.contents.log else NO_ENTRY

    def _set_seq(self, seq: int) -> None:
        meta = self.contents.meta
        self.contents.meta = Meta(meta.generation, meta.fence, seq, meta.epoch, meta.cut, meta.database_id)
