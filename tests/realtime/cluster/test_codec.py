"""Codec: what is written to the shared log is read back as it was."""

from __future__ import annotations

from typing import get_args

from models.calls import Call
from models.shared_log import EntryRow, SharedEntry
from models.status import Claims, Profile
from realtime.cluster.codec import decoded_entry, decoded_record, encoded_body, shared_row
from realtime.presence.log import Draft, Proposal, Revocation
from realtime.presence.record import Record, new_record
from realtime.protocol import Reason
from tests.realtime.world import NOON

PROFILE = Profile(7, "zoë", "https://example.org/z.png", "auth0|7")


def full_record() -> Record:
    """Return a record in which every field has a value of its own."""
    record = new_record(PROFILE, NOON, NOON)
    return Record(
        profile=record.profile,
        created_at=record.created_at,
        status=record.status,
        state=record.state,
        claims=Claims(True, True, NOON, "call"),
        offline_set_at=NOON,
        alive_on=frozenset({"a", "b"}),
        heartbeat_on=frozenset({"b"}),
        owner="a",
        is_owed=True,
        announced_as="heartbeat",
        rev=12,
        disabled=True,
        token_version=3,
        tokens_after=NOON,
        tags=("a", "b"),
        foreign_tokens_after=NOON,
        deleted_at=NOON,
    )


def test_a_record_is_read_back_as_it_was_written() -> None:
    record = full_record()
    row = shared_row(Draft(7, record, is_announced=True), "100-1")
    assert decoded_record(row.record) == record
    assert (row.user_id, row.seen, row.is_announced) == (7, "100-1", True)


def test_an_entry_has_the_rows_that_are_given() -> None:
    record, call = full_record(), Call("call", 7, 8, "audio", "ongoing", NOON)
    proposal = Proposal((7, 8), "call_started", call=call, revoked=Revocation("login", 900.0))
    rows = [
        EntryRow(user_id, user_id, True, shared_row(Draft(user_id, record, is_announced=True), "").record)
        for user_id in (7, 8)
    ]
    shared = SharedEntry("100-1", "append", 6, "op", encoded_body(proposal), tuple(rows), "a")
    entry = decoded_entry(shared, rows[1:])
    assert [(row.user_id, row.seq, row.record) for row in entry.rows] == [(8, 8, record)]
    assert (entry.reason, entry.server, entry.call, entry.revoked) == ("call_started", "a", call, proposal.revoked)


def test_every_reason_can_be_written() -> None:
    for reason in get_args(Reason):
        shared = SharedEntry("100-1", "append", 0, "op", encoded_body(Proposal((), reason)))
        assert decoded_entry(shared, []).reason == reason
