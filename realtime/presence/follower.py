"""Follower: takes the entries of the log into memory, and tells those who watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from models.calls import Call
from models.status import Status, differs
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Environment
from realtime.presence.changelog import Change, ChangeLog
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Entry, Kick, OperatorAction, Revocation, SessionsChange
from realtime.presence.record import Record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.presence.writeback import WriteBack
from realtime.protocol import Reason
from settings import Settings

Publish = Callable[[Sequence[Change]], None]

RecordListener = Callable[[UserEntry, Record], None]
"""Called with a user's entry that has a new record, and the record before."""

StatusListener = Callable[[UserEntry, Reason, bool], None]
"""Called when a status was announced, after the sockets have it; with whether it was this server that appended it."""

RemovalListener = Callable[[UserEntry, Record, bool], None]
"""Called when a user was deleted and is not in the registry any more, after that was announced.

With the user's entry, the record before, and whether it was this server that appended the deletion.
"""

CallListener = Callable[[Call, bool], None]
"""Called when a call started or ended, after the participants' statuses were announced; with the same."""


RevocationListener = Callable[[Revocation], None]
"""Called when a login was revoked."""

KickListener = Callable[[Kick], None]
"""Called when sockets are to be closed."""

SessionsListener = Callable[[str, SessionsChange], None]
"""Called with the server whose sockets have changed, and how."""

ActionListener = Callable[[OperatorAction, bool], None]
"""Called when an operator has done something; with whether it was on this server."""


OPS_KEPT = 1000
"""Proposals that are remembered. A second entry of one follows as soon as the log can be reached again."""


class Follower:
    """Applies one entry after another, each in one synchronous step. So memory is always a prefix of the log."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        incarnation: Incarnation,
        registry: Registry,
        changes: ChangeLog,
        write_back: WriteBack,
        ongoing: OngoingCalls,
        publish: Publish,
    ) -> None:
        self._clock = environment.clock
        self._counters = environment.counters
        self._incarnation = incarnation
        self._registry = registry
        self._changes = changes
        self._write_back = write_back
        self._ongoing = ongoing
        self._publish = publish
        self._false_offline_seconds = settings.false_offline_seconds
        self.record_listeners: list[RecordListener] = []
        self.removal_listeners: list[RemovalListener] = []
        self.on_returned: Callable[[UserEntry], None] = _ignore
        """Called with a user who was deleted, and of whom the log has an older record."""
        self.status_listeners: list[StatusListener] = []
        self.call_listeners: list[CallListener] = []
        self.revocation_listeners: list[RevocationListener] = []
        self.kick_listeners: list[KickListener] = []
        self.action_listeners: list[ActionListener] = []
        self.sessions_listeners: list[SessionsListener] = []
        self._untold_tags: dict[int, tuple[str, ...]] = {}
        """The tags by which sessions still watch users who were deleted."""
        self._removed: list[tuple[UserEntry, Record]] = []
        """Users who were deleted by the entry that is applied now, each with the record before."""
        self._ops: dict[str, None] = {}
        """The latest proposals that may not be carried out twice."""
        self.entry_id = ""
        """The entry that was applied last, or is applied now. A local log has no ids."""

    def apply(self, entry: Entry) -> None:
        """Take over the records and the call, then announce them."""
        self.entry_id = entry.entry_id
        call_has_changed = entry.call is not None and self._ongoing.apply(entry.call)
        is_own = self._incarnation.is_own(entry.server)
        told = self._take_over(entry, is_own=is_own)
        if told:
            self._counters.announced[entry.reason] += len(told)
            self._publish([self.append(each, entry.reason, seq, is_quiet=each.record.is_quiet) for each, seq in told])
            for each, _ in told:
                if not each.record.is_quiet and each.record.deleted_at is None:
                    for status_listener in self.status_listeners:
                        status_listener(each, entry.reason, is_own)
        self._tell_removals(is_own=is_own)
        if entry.call is not None and call_has_changed:
            for call_listener in self.call_listeners:
                call_listener(entry.call, is_own)
        self._tell_rest(entry, is_own=is_own)

    def take_over(self, user_id: int, record: Record) -> UserEntry:
        """Put a record in place. Nothing is announced. The user's entry is new if another server added the user."""
        user = self._put(user_id, record)
        user.logged_state = record.state.state  # the server that changed it has saved the event
        self._tell_removals(is_own=False)
        return user

    def _put(self, user_id: int, record: Record) -> UserEntry:
        user = self._registry.find(user_id)
        if record.deleted_at is not None:
            return self._remove(user, record, record.deleted_at)
        if user is None:
            user = UserEntry(record)
            self._registry.add(user)
        before = user.record
        self._registry.replace_record(user, record)
        self._registry.changed.add(user_id)
        for record_listener in self.record_listeners:
            record_listener(user, before)
        if user_id in self._registry.deleted:
            self.on_returned(user)
        return user

    def _remove(self, user: UserEntry | None, record: Record, at: datetime) -> UserEntry:
        """Forget a user who was deleted."""
        user_id = record.profile.user_id
        self._registry.deleted[user_id] = at
        self._write_back.forget(user_id)
        if user is None:
            return UserEntry(record)
        self._registry.remove(user)
        if user.told_tags:
            self._untold_tags[user_id] = user.told_tags
        self._removed.append((user, user.record))
        user.record = record
        return user

    def _tell_removals(self, *, is_own: bool) -> None:
        removed, self._removed = self._removed, []
        for user, before in removed:
            for removal_listener in self.removal_listeners:
                removal_listener(user, before, is_own)

    def append(self, user: UserEntry, reason: Reason, seq: int, *, is_quiet: bool = False) -> Change:
        """Add the user's record to the change log. `is_quiet`: nothing but the tags has changed."""
        if user.record.deleted_at is not None:
            user_id = user.profile.user_id
            return self._changes.append_removal(user_id, reason, seq, tags_before=self._untold_tags.pop(user_id, ()))
        tags_before, user.told_tags = user.told_tags, user.record.tags
        return self._changes.append(
            user.record.status, reason, seq, tags=user.told_tags, tags_before=tags_before, is_quiet=is_quiet
        )

    def append_untold(self, user: UserEntry, reason: Reason, seq: int) -> None:
        """Add the user's record to the change log, although those who watch by tags will not be told of it."""
        tags = user.told_tags
        if user.record.deleted_at is None:
            self._changes.append(user.record.status, reason, seq, tags=tags, tags_before=tags)
        else:
            self._changes.append_removal(user.profile.user_id, reason, seq)

    def _tell_rest(self, entry: Entry, *, is_own: bool) -> None:
        """Tell what an entry says besides its rows and its call."""
        if entry.revoked is not None:
            for revocation_listener in self.revocation_listeners:
                revocation_listener(entry.revoked)
        if entry.sessions is not None:
            for sessions_listener in self.sessions_listeners:
                sessions_listener(entry.server, entry.sessions)
        if (entry.kick is not None or entry.action is not None) and self._is_first(entry.op):
            self._tell_once(entry, is_own=is_own)

    def _tell_once(self, entry: Entry, *, is_own: bool) -> None:
        """Tell what may not be carried out twice."""
        if entry.kick is not None:
            for kick_listener in self.kick_listeners:
                kick_listener(entry.kick)
        if entry.action is not None:
            for action_listener in self.action_listeners:
                action_listener(entry.action, is_own)

    def _is_first(self, op: str) -> bool:
        """Whether no other entry of the same proposal was applied before."""
        is_first = not op or op not in self._ops
        self._ops[op] = None
        if len(self._ops) > OPS_KEPT:
            del self._ops[next(iter(self._ops))]
        return is_first

    def _take_over(self, entry: Entry, *, is_own: bool) -> list[tuple[UserEntry, int]]:
        """Put the new records in place. Returns the users to announce, each with the `seq`."""
        told: list[tuple[UserEntry, int]] = []
        for row in entry.rows:
            known = self._registry.find(row.user_id)
            before = known.record.status if known else row.record.status
            user = self._put(row.user_id, row.record)
            if row.record.deleted_at is None and differs(before, user.status):
                if is_own:
                    self._write_back.mark(row.user_id)
                self._note_false_offline(user, before, entry.reason)
            if row.seq:
                told.append((user, row.seq))
        return told

    def _note_false_offline(self, user: UserEntry, before: Status, reason: Reason) -> None:
        """Count an offline for lack of evidence that is soon taken back: it was announced wrongly."""
        if before.is_online and not user.status.is_online:
            user.offline_since = self._clock.now() if reason in ("disconnected", "timed_out") else None
        elif user.status.is_online and not before.is_online and user.offline_since is not None:
            self._counters.false_offlines += self._clock.now() - user.offline_since < self._false_offline_seconds
            user.offline_since = None


def _ignore(_user: UserEntry) -> None:
    """A server that is alone does not lose what it has applied."""
