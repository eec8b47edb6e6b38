"""Codec: the scripts' arguments, replies and entries, as bytes and as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.redis.connection import Reply
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
)

ANNOUNCED, QUIET = b"+", b"-"

STORED_ROW = re.compile(rb"([0-9]+-[0-9]+) ([0-9]+) ([+-])(.*)", re.DOTALL)

AppendReply = Appended | Stale | Fenced | RowConflict | NotLost


def packed_rows(rows: Sequence[SharedRow]) -> list[bytes]:
    """The rows as arguments of `append.lua`."""
    packed: list[bytes] = []
    for row in rows:
        mark = ANNOUNCED if row.is_announced else QUIET
        packed += (b"%d" % row.user_id, row.seen.encode(), mark + row.record)
    return packed


def packed_sessions(rows: Mapping[str, bytes], gone: Sequence[str]) -> list[bytes]:
    """Rows of sockets as arguments of `sessions.lua`."""
    packed = [b"%d" % len(gone), *(session_id.encode() for session_id in gone)]
    for session_id, row in rows.items():
        packed += (session_id.encode(), row)
    return packed


def scanned_sessions(reply: list[bytes]) -> dict[str, bytes]:
    """The rows of sockets in a reply to HSCAN."""
    return {session_id.decode(): row for session_id, row in _pairs(reply)}


def append_reply(reply: Reply) -> AppendReply:
    """What a script that appends has answered."""
    if isinstance(reply, bytes):
        return Appended(reply.decode())
    match reply[0]:
        case b"STALE":
            return Stale(int(reply[1]) if reply[1].isdigit() else 0)
        case b"FENCED":
            return Fenced()
        case b"NOT LOST":
            return NotLost()
        case _:
            return RowConflict({int(user): stored_row(value) for user, value in _pairs(reply[1:])})


def adopted_from(reply: list[bytes]) -> Adopted:
    """What `adopt.lua` has answered. Raises ForeignLog."""
    if reply[0] == b"FOREIGN":
        raise ForeignLog(
            "this Redis is in use by servers with another database; set ROLLCALL_REDIS_PREFIX to a name of its own, "
            "or ROLLCALL_REDIS_URL to another Redis"
        )
    kind, generation, epoch, seq, last_id, cut = (part.decode() for part in reply)
    return Adopted(int(generation), epoch, int(seq), last_id, kind == "NEW", cut)


def stored_row(value: bytes) -> StoredRow | None:
    """A field of the key `users`, or None if no script can have written it. Scripts replace such a field."""
    found = STORED_ROW.fullmatch(value)
    if found is None:
        return None
    entry_id, seq, mark, record = found.groups()
    return StoredRow(entry_id.decode(), int(seq), mark == ANNOUNCED, record)


def scanned_rows(reply: list[bytes]) -> dict[int, StoredRow]:
    """The fields and values in a reply to HSCAN."""
    rows = ((user, stored_row(value)) for user, value in _pairs(reply) if user.isdigit())
    return {int(user): row for user, row in rows if row is not None}


def entries_of(reply: Reply) -> list[SharedEntry]:
    """The entries in a reply to XREAD of one key."""
    return [_entry(entry_id.decode(), fields) for entry_id, fields in reply[0][1]] if reply else []


def newest_id(reply: list[tuple[bytes, Reply]]) -> str:
    """The id in a reply to XREVRANGE for one entry."""
    return reply[0][0].decode() if reply else NO_ENTRY


def node_counters(reply: list[bytes]) -> dict[str, int | None]:
    """The key `nodes`, without counters that no script can have written."""
    return {
        server.decode(): None if value == b"lost" else int(value)
        for server, value in _pairs(reply)
        if value == b"lost" or value.isdigit()
    }


def _entry(entry_id: str, fields: list[bytes]) -> SharedEntry:
    """An entry from its fields: kind and op, body, seq, server, and then two for each row, or what else it tells."""
    kind, _, op = fields[0].decode().partition(" ")
    seq, by, body = int(fields[2]), fields[3].decode(), fields[1]
    match kind:
        case "append":
            return SharedEntry(entry_id, kind, seq, op, body, _entry_rows(fields, seq), by)
        case "left":
            return SharedEntry(entry_id, kind, seq, op, body, by=by)
        case "lost":
            return SharedEntry(entry_id, kind, seq, op, by=by, lost=fields[4].decode())
        case "rebase":
            return SharedEntry(entry_id, kind, seq, epoch=fields[4].decode(), cut=fields[5].decode())
        case _:
            raise ValueError(f"the entry {entry_id} is of an unknown kind")


def _entry_rows(fields: list[bytes], seq: int) -> tuple[EntryRow, ...]:
    rows: list[EntryRow] = []
    for user, record in _pairs(fields[4:]):
        is_announced = record[:1] == ANNOUNCED
        seq += is_announced
        rows.append(EntryRow(int(user), seq if is_announced else 0, is_announced, record[1:]))
    return tuple(rows)


def _pairs(flat: list[Any]) -> zip[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)
