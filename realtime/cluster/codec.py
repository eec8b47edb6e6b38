"""Codec: records and entries in the form in which the shared log keeps them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec

from models.calls import Call
from models.shared_log import EntryRow, SharedEntry, SharedRow
from realtime.presence.log import (
    Draft,
    Entry,
    Kick,
    OperatorAction,
    Proposal,
    Revocation,
    Row,
    SessionsChange,
    SharedSession,
)
from realtime.presence.record import Record
from realtime.protocol import Reason


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an entry says besides its rows."""

    reason: Reason
    call: Call | None = None
    revoked: Revocation | None = None
    kick: Kick | None = None
    action: OperatorAction | None = None
    sessions: SessionsChange | None = None


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(Record)
_sessions = msgspec.msgpack.Decoder(SharedSession)
_bodies = msgspec.msgpack.Decoder(Body)


def encoded_body(proposal: Proposal) -> bytes:
    """The body of the entry that a proposal becomes."""
    return _encoder.encode(Body(proposal.reason, proposal.call, proposal.revoked, proposal.kick, proposal.action))


def encoded_sessions(change: SessionsChange) -> bytes:
    """The body of an entry that tells of a server's sockets."""
    return _encoder.encode(Body("connected", sessions=change))


def encoded_session(session: SharedSession) -> bytes:
    """The row of a socket."""
    return _encoder.encode(session)


def decoded_sessions(rows: Iterable[bytes | None]) -> list[SharedSession]:
    """The sockets in rows, without those that are missing or that no server can have written."""
    found: list[SharedSession] = []
    for row in rows:
        with contextlib.suppress(msgspec.DecodeError):
            found += [_sessions.decode(row)] if row is not None else []
    return found


def shared_row(row: Draft, seen: str) -> SharedRow:
    """A row to be appended. `seen` is the id of the entry that wrote the record before, or empty."""
    return SharedRow(row.user_id, seen, row.is_announced, _encoder.encode(row.record))


def decoded_record(record: bytes) -> Record | None:
    """The record in a row, or None if no server can have written it."""
    try:
        return _records.decode(record)
    except msgspec.DecodeError:
        return None


def decoded_entry(shared: SharedEntry, rows: list[EntryRow]) -> Entry:
    """The entry, with those of its rows that are given."""
    body = _bodies.decode(shared.body)
    return Entry(
        rows=[Row(row.user_id, _records.decode(row.record), row.seq) for row in rows],
        reason=body.reason,
        server=shared.by,
        call=body.call,
        revoked=body.revoked,
        kick=body.kick,
        action=body.action,
        sessions=body.sessions,
        entry_id=shared.entry_id,
        op=shared.op,
    )
