"""Reader: takes the shared log's entries and records into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.shared_log import SharedEntry, StoredRow, entry_order, follows
from models.status import differs
from realtime.cluster.codec import decoded_entry, decoded_record
from realtime.cluster.position import Position
from realtime.presence.changelog import ChangeLog
from realtime.presence.follower import Follower
from realtime.presence.registry import Registry


class Reader:
    """Applies each entry once, in order. Memory is then a prefix of the log."""

    def __init__(
        self,
        position: Position,
        registry: Registry,
        changes: ChangeLog,
        follower: Follower,
        on_jump: Callable[[], None],
    ) -> None:
        self.position = position
        self.changes = changes
        self._registry = registry
        self._follower = follower
        self._on_jump = on_jump
        """Called when the change log has jumped to a later `seq`, past changes that were not announced here."""

    def take(self, entry: SharedEntry) -> bool:
        """Apply the next entry. Returns False if entries before it are missing: all records must be read anew."""
        if not follows(entry, self.position.last_id):
            return False
        if entry.kind == "rebase":
            self.begin(entry_order(entry.entry_id)[0], entry.cut, entry.epoch)
            self.changes.seq = entry.seq
            self._on_jump()
        elif entry.kind == "append":
            self._apply(entry)
        self.position.advance(entry.entry_id)
        return True

    def begin(self, generation: int, cut: str, epoch: str) -> None:
        """A generation begins, with an epoch of its own. `cut` is the last entry before it.

        The `seq` from which it counts on comes with its first entry, or with the records.
        """
        if generation > self.position.generation:
            self.position.begin(generation, cut)
            self.changes.begin(epoch, self.changes.seq)

    def replace_all(self, records: Mapping[int, StoredRow], last_id: str, seq: int) -> set[int]:
        """Take over the records as they were read after the entry `last_id`.

        Returns the users whose status has changed by that. A user without a record keeps what
        is in memory.
        """
        before = {entry.profile.user_id: entry.status for entry in self._registry}
        self.position.forget_all()
        self.changes.forget()
        for user_id, stored in sorted(records.items(), key=lambda each: each[1].seq):
            self.position.note(user_id, stored.entry_id)
            self._follower.take_over(user_id, decoded_record(stored.record))
            if 0 < stored.seq <= seq:  # a later change comes with its entry
                record = self._registry.get(user_id).record
                self.changes.append(record.status, record.announced_as, stored.seq)
        self.changes.seq = seq
        self.position.jump(last_id)
        self._on_jump()
        return {user_id for user_id, status in before.items() if differs(status, self._registry.get(user_id).status)}

    def _apply(self, entry: SharedEntry) -> None:
        """Apply an entry, but for records that are older than those in memory.

        A record that was read before its entry was is applied again, so that it is announced in its turn.
        """
        order = entry_order(entry.entry_id)
        rows = [row for row in entry.rows if order >= _order(self.position.of_user(row.user_id))]
        self._follower.apply(decoded_entry(entry, rows))
        for row in rows:
            self.position.note(row.user_id, entry.entry_id)
        self.changes.seq = max(self.changes.seq, entry.seq + sum(row.is_announced for row in entry.rows))


def _order(entry_id: str) -> tuple[int, int]:
    return entry_order(entry_id) if entry_id else (-1, -1)
