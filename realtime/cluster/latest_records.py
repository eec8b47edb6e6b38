"""Latest records: each user's record in the shared log, as far as this server knows it."""

from __future__ import annotations

import msgspec

from models.shared_log import RowConflict, entry_order
from realtime.cluster.codec import decoded_record
from realtime.cluster.position import Position
from realtime.presence.record import Record


class Ahead(msgspec.Struct, frozen=True):
    """A record that another server wrote and that is not applied here yet."""

    generation: int
    """The generation in which it was read."""
    entry_id: str
    seq: int
    """The `seq` under which the user was last announced."""
    record: Record


class Basis(msgspec.Struct, frozen=True):
    """What the log said of a user when a proposal was made that is appended even if it changes nothing."""

    entry_id: str
    """The entry that wrote the user's record."""
    seq: int
    """The `seq` under which the user was last announced."""


class LatestRecords:
    """Adds the records with which the log refused an append to those that are applied."""

    def __init__(self, position: Position) -> None:
        self._position = position
        self._ahead: dict[int, Ahead] = {}

    def note(self, generation: int, conflict: RowConflict) -> None:
        """An append was refused, because the users have these records."""
        for user_id, stored in conflict.rows.items():
            record = decoded_record(stored.record) if stored else None
            if stored is not None and record is not None:
                self._ahead[user_id] = Ahead(generation, stored.entry_id, stored.seq, record)
                continue
            self._ahead.pop(user_id, None)
            if stored is None:
                self._position.forget(user_id)
            else:  # it cannot be read: the one in memory replaces it
                self._position.note(user_id, stored.entry_id, stored.seq)

    def find_ahead(self, user_id: int) -> Ahead | None:
        """The user's record that is not applied here yet. One from an earlier generation may be gone from the log."""
        ahead = self._ahead.get(user_id)
        if ahead is None:
            return None
        is_applied = entry_order(ahead.entry_id) <= self._position.order_of_user(user_id)
        if ahead.generation != self._position.generation or is_applied:
            del self._ahead[user_id]
            return None
        return ahead

    def entry_id(self, user_id: int) -> str:
        """The id of the entry that wrote the user's record, or "" if no entry did."""
        ahead = self.find_ahead(user_id)
        return ahead.entry_id if ahead else self._position.of_user(user_id)

    def basis(self, user_id: int) -> Basis:
        """What the log says of the user now."""
        ahead = self.find_ahead(user_id)
        told = self._position.told(user_id)
        return Basis(self.entry_id(user_id), max(ahead.seq, told) if ahead else told)
