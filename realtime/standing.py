"""Standing: since when a user is in the present state, and what led to it."""

from __future__ import annotations

from datetime import datetime

from models.status import Standing, Status, state_of
from realtime.directory import Entry
from realtime.protocol import Reason


def note_change(entry: Entry, before: Status, utc: datetime, reason: Reason, by: str) -> None:
    """The entry's status just became another. `by` is the operator whose doing it was, if it was one's."""
    entry.cause, entry.cause_by = reason, by
    if state_of(before) != state_of(entry.status):
        entry.state_since = utc


def restore(entry: Entry, stored: Standing | None, utc: datetime) -> None:
    """What the store says of the present state; if the state is another by now, it began with this start."""
    entry.witnessed = state = state_of(entry.status)
    if stored is not None:
        entry.cause, entry.cause_by = stored.reason, stored.by
        entry.state_since = stored.since if stored.state == state else utc
