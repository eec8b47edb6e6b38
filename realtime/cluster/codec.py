"""Codec: records and entries in the form in which the shared log keeps them."""

from __future__ import annotations

import msgspec

from models.calls import Call
from models.shared_log import EntryRow, SharedEntry, SharedRow
from realtime.presence.log import Draft, Entry, Proposal, Revocation, Row
from realtime.presence.record import Record
from realtime.protocol import Reason


class Body(msgspec.Struct, frozen=True):
    """What an entry says besides its rows."""

    reason: Reason
    call: Call | None = None
    revoked: Revocation | None = None


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(Record)
_bodies = msgspec.msgpack.Decoder(Body)


def encoded_body(proposal: Proposal) -> bytes:
    """The body of the entry that a proposal becomes."""
    return _encoder.encode(Body(proposal.reason, proposal.call, proposal.revoked))


def shared_row(row: Draft, seen: str) -> SharedRow:
    """A row to be appended. `seen` is the id of the entry that wrote the record before, or empty."""
    return SharedRow(row.user_id, seen, row.is_announced, _encoder.encode(row.record))


def decoded_record(record: bytes) -> Record:
    """The record in a row."""
    return _records.decode(record)


def decoded_entry(shared: SharedEntry, rows: list[EntryRow]) -> Entry:
    """The entry, with those of its rows that are given."""
    body = _bodies.decode(shared.body)
    return Entry(
        rows=[Row(row.user_id, _records.decode(row.record), row.seq) for row in rows],
        reason=body.reason,
        server=shared.by,
        call=body.call,
        revoked=body.revoked,
    )
