"""Deadlines: the moments at which a user's evidence, or a busy status, ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from models.status import differs
from realtime.clock import Clock, Timers
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Log, Proposal
from realtime.presence.record import Fact, Record, unchanged, with_deletion, without_busy
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.presence.writeback import WriteBack
from realtime.protocol import Reason


class Deadlines:
    """Sets the deadlines that follow from evidence and records, and proposes what follows when they pass."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        wall_timers: Timers,
        incarnation: Incarnation,
        registry: Registry,
        write_back: WriteBack,
        log: Log,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._wall_timers = wall_timers
        self._incarnation = incarnation
        self._registry = registry
        self._write_back = write_back
        self._log = log

    def take_up(self, entry: UserEntry) -> None:
        """Begin with an entry from the store."""
        self.await_silence(entry)
        self._await_busy_end(entry)

    def record_changed(self, entry: UserEntry, before: Record) -> None:
        """A user has a new record, from this server or another."""
        record = entry.record
        entry.rev = max(entry.rev, record.rev)
        if record.disabled and not before.disabled:
            self._end_evidence(entry)
        self._note_elsewhere(entry)
        self._check_evidence(entry)
        self._keep_promise(entry)
        if record.claims.set_offline and record.offline_set_at != before.offline_set_at:
            self._end_heartbeat(entry, record.offline_set_at)
        if record.claims.busy_until != before.claims.busy_until or record.owner != before.owner:
            self._await_busy_end(entry)

    def user_removed(self, entry: UserEntry, _before: Record, _is_own: bool) -> None:
        """A user was deleted, and has no deadlines any more."""
        user_id = entry.profile.user_id
        for kind in ("evidence", "report", "repeat", "remove"):
            self._timers.cancel((kind, user_id))
        self._wall_timers.cancel(("busy", user_id))

    def user_returned(self, entry: UserEntry) -> None:
        """The log has lost that this user was deleted. Refuse the user, and append it again."""
        user_id = entry.profile.user_id
        entry.refuse(0, disabled_rev=entry.record.rev + 1)
        again = Proposal((user_id,), "set", partial(with_deletion, at=self._registry.deleted[user_id]))
        self._timers.at(self._clock.now(), ("remove", user_id), partial(self._log.append, again))

    def hold(self, entry: UserEntry, seconds: float, *, heartbeat: bool) -> None:
        """Count the user as alive until the user can have come back."""
        until = self._clock.now() + seconds
        if heartbeat:
            entry.heartbeat_until = max(entry.heartbeat_until, until)
        else:
            entry.grace_until = max(entry.grace_until, until)
            entry.lost_reason = "timed_out"  # as after a restart of a server that is alone
        self.await_silence(entry)

    def let_go(self, user_ids: Iterable[int]) -> None:
        """At start: these users are held by servers that run already."""
        for user_id in user_ids:
            entry = self._registry.find(user_id)
            if entry is not None:
                entry.grace_until = entry.heartbeat_until = 0.0
                self.await_silence(entry)

    def await_silence(self, entry: UserEntry) -> None:
        """Set the deadline at which the evidence ends. If the user is back by then, its timer changes nothing."""
        until = entry.heartbeat_until if entry.sessions else max(entry.heartbeat_until, entry.grace_until)
        counts_on = entry.record.heartbeat_on if entry.sessions else entry.record.alive_on
        key = ("evidence", entry.profile.user_id)
        if self._incarnation.id in counts_on or until > self._clock.now():
            self._timers.at(until, key, partial(self._evidence_ended, entry))
        else:
            self._timers.cancel(key)

    def _evidence_ended(self, entry: UserEntry) -> None:
        waited_for_connection = entry.grace_until >= entry.heartbeat_until
        self._review(entry, entry.lost_reason if waited_for_connection else "timed_out")
        self._write_back.mark(entry.profile.user_id)

    def _end_heartbeat(self, entry: UserEntry, at: datetime | None) -> None:
        """An explicit offline ends the heartbeats before it."""
        if entry.heartbeat_at is None or at is None or entry.heartbeat_at <= at:
            entry.heartbeat_at, entry.heartbeat_until = None, 0.0
            self.await_silence(entry)

    def _end_evidence(self, entry: UserEntry) -> None:
        """A user who was disabled is not online again when the user is enabled."""
        entry.grace_until = entry.heartbeat_until = 0.0
        self.await_silence(entry)

    def _note_elsewhere(self, entry: UserEntry) -> None:
        is_elsewhere = not all(map(self._incarnation.is_own, entry.record.alive_on))
        if entry.is_elsewhere and not is_elsewhere:
            entry.evidence_at = self._clock.now()
        entry.is_elsewhere = is_elsewhere

    def _check_evidence(self, entry: UserEntry) -> None:
        """Report this server's evidence again if another server has written a record that lacks it."""
        has_evidence = entry.has_evidence(self._clock.now())
        if has_evidence != (self._incarnation.id in entry.record.alive_on):
            reason: Reason = "connected" if has_evidence else entry.lost_reason
            key = ("report", entry.profile.user_id)
            self._timers.at(self._clock.now(), key, partial(self._review, entry, reason))

    def _keep_promise(self, entry: UserEntry) -> None:
        """Announce a user of whom a client was told something else, now that the log has this server's evidence."""
        promised = entry.promised
        if promised is not None and self._incarnation.id in entry.record.alive_on:
            entry.promised = None
            if differs(promised, entry.status):
                user_id = entry.profile.user_id
                repeat = Proposal((user_id,), "set", is_repeat=True)
                self._timers.at(self._clock.now(), ("repeat", user_id), partial(self._log.append, repeat))

    def _await_busy_end(self, entry: UserEntry) -> None:
        """Set the deadline at which a busy status with an end is over: a moment of wall time, as the user was told.

        Only the server that owns the record has this deadline.
        """
        key = ("busy", entry.profile.user_id)
        until = entry.claims.busy_until
        if until is None or not self._incarnation.is_own(entry.record.owner):
            self._wall_timers.cancel(key)
        else:
            self._wall_timers.at(until.timestamp(), key, partial(self._busy_ended, entry))

    def _busy_ended(self, entry: UserEntry) -> None:
        # Saved later: until then the store has a busy_until in the past, which is read as not busy.
        self._write_back.mark_unsure(entry.profile.user_id)
        self._review(entry, "busy_expired", partial(without_busy, until=entry.claims.busy_until))

    def _review(self, entry: UserEntry, reason: Reason, fact: Fact = unchanged) -> None:
        self._registry.changed.add(entry.profile.user_id)
        self._log.append(Proposal((entry.profile.user_id,), reason, fact))
