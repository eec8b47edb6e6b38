"""Reader: takes the shared log's entries and records into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.shared_log import SharedEntry, StoredRow, entry_order, follows
from models.status import Status, differs
from realtime.cluster.codec import decoded_entry, decoded_record
from realtime.cluster.position import Position
from realtime.presence.changelog import ChangeLog
from realtime.presence.follower import Follower
from realtime.presence.record import Record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.sockets.fanout import FanOut


class Reader:
    """Applies each entry once, in order. Memory is then a prefix of the log."""

    def __init__(
        self,
        position: Position,
        registry: Registry,
        changes: ChangeLog,
        follower: Follower,
        fan_out: FanOut,
    ) -> None:
        self.position = position
        self.changes = changes
        self._registry = registry
        self._follower = follower
        self._fan_out = fan_out
        self.unreadable: set[int] = set()
        """Users whose records could not be read when all records were read last."""
        self.on_untold: Callable[[int], None] = _ignore
        """Called with a user who has a new status here that was not announced."""
        self.on_replaced: Callable[[], None] = _ignore_replaced
        """Called when all records were read anew."""
        self.on_gone: Callable[[str], None] = _ignore_server
        """Called with a server that was declared lost, or has left."""

    def take(self, entry: SharedEntry) -> bool:
        """Apply the next entry. Returns False if entries before it are missing: all records must be read anew."""
        if not follows(entry, self.position.last_id):
            return False
        if entry.kind == "rebase":
            self.begin(entry_order(entry.entry_id)[0], entry.cut, entry.epoch)
            self.changes.seq = entry.seq
            self._fan_out.catch_up_all()
        elif entry.kind == "append":
            self._apply(entry)
        else:
            self.on_gone(entry.lost or entry.by)
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

        Returns the users of whom clients may have been told something else: those whose status or tags have changed by
        that, and those whose last change is not in the records and was not sent to every client yet. A user without a
        record, or with one that cannot be read, keeps what is in memory.
        """
        told_up_to = self.changes.seq
        unsent = {change.user_id for change in self.changes.since(self._fan_out.common_seq())}
        before = {entry.profile.user_id: entry.status for entry in self._registry}
        self.unreadable.clear()
        self.position.forget_all()
        self.changes.forget()
        for user_id, stored in sorted(records.items(), key=lambda each: each[1].seq):
            self.position.note(user_id, stored.entry_id, stored.seq)
            record = decoded_record(stored.record)
            if record is None:
                self.unreadable.add(user_id)
                continue
            user = self._follower.take_over(user_id, record)
            if not self._fan_out:  # nobody is connected who was told anything
                user.told_tags = record.tags
            if 0 < stored.seq <= seq:  # a later change comes with its entry
                self._append(user, stored.seq, told_up_to)
        self.changes.seq = seq
        self.position.jump(last_id)
        self._fan_out.catch_up_all()
        self.on_replaced()
        changed = {user_id for user_id, status in before.items() if self._has_changed(user_id, status)}
        return changed | (unsent - (records.keys() - self.unreadable))

    def _append(self, user: UserEntry, seq: int, told_up_to: int) -> None:
        """Add a record that was read to the change log. More than its tags may have changed since clients were told.

        If clients have come past this `seq`, they would not be told of other tags. Those count as not announced then.
        """
        if seq > told_up_to:
            self._follower.append(user, user.record.announced_as, seq)
        else:
            self._follower.append_untold(user, user.record.announced_as, seq)

    def _has_changed(self, user_id: int, status: Status) -> bool:
        user = self._registry.find(user_id)
        return user is None or differs(status, user.status) or user.told_tags != user.record.tags

    def _apply(self, entry: SharedEntry) -> None:
        """Apply an entry, but for records that are older than those in memory.

        A record that was read before its entry was is applied again, so that it is announced in its turn.
        """
        order = entry_order(entry.entry_id)
        rows = [row for row in entry.rows if order >= self.position.order_of_user(row.user_id)]
        decoded = decoded_entry(entry, rows)
        untold = [row.user_id for row in decoded.rows if not row.seq and self._is_news(row.record)]
        self._follower.apply(decoded)
        for row in rows:
            self.position.note(row.user_id, entry.entry_id, row.seq)
        self.changes.seq = max(self.changes.seq, entry.seq + sum(row.is_announced for row in entry.rows))
        for user_id in untold:
            self.on_untold(user_id)

    def _is_news(self, record: Record) -> bool:
        """Whether a record that is not announced differs from what clients of this server were told.

        That happens only to records that another server wrote anew because the log had lost them. If a change is
        announced later, the record says that it is owed.
        """
        known = self._registry.find(record.profile.user_id)
        if record.deleted_at is not None:
            return known is not None
        if record.is_owed:
            return False
        return known is None or differs(known.status, record.status) or known.told_tags != record.tags


def _ignore(_user_id: int) -> None:
    """Nobody has been told anything yet."""


def _ignore_replaced() -> None:
    """Nobody keeps anything of changes."""


def _ignore_server(_server: str) -> None:
    """Nobody keeps anything about servers."""
