"""Presence: every user's claims and evidence, and the status that follows from them."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import msgspec

from models.errors import StoreUnavailable
from models.status import Profile, Status, StatusChange, applied, differs, status_of, validated
from models.usernames import folded_name
from realtime.clock import Clock, Timers
from realtime.presence.publisher import Publisher
from realtime.presence.registry import Registry, UserEntry
from realtime.presence.writeback import WriteBack
from realtime.protocol import Reason
from settings import Settings


class Presence:
    """The engine. It never awaits between reading a status and announcing the new one."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        timers: Timers,
        wall_timers: Timers,
        registry: Registry,
        write_back: WriteBack,
        publisher: Publisher,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._wall_timers = wall_timers
        self.registry = registry
        self._write_back = write_back
        self._publisher = publisher

    def take_up(self, entry: UserEntry) -> None:
        """Begin with an entry from the store: set its deadlines and derive its status. Nothing is announced."""
        self._await_silence(entry)
        self._await_busy_end(entry)
        entry.status = self.derive(entry)

    def status(self, user_id: int) -> Status:
        """The user's status. Raises NotFound."""
        return self.registry.get(user_id).status

    def join(self, user_id: int) -> bool:
        """A socket opened. Returns whether it is the user's first."""
        entry = self.registry.get(user_id)
        entry.sessions += 1
        self.seen(user_id)
        self.review(entry, reason="connected")
        return entry.sessions == 1

    def leave(self, user_id: int, reason: Reason, *, clean: bool) -> bool:
        """A socket ended. Returns whether it was the user's last. A user who was lost gets time to come back."""
        entry = self.registry.get(user_id)
        entry.sessions -= 1
        if clean:
            self.seen(user_id)
        entry.evidence_at = self._clock.now()
        self.registry.changed.add(user_id)
        if entry.sessions:
            return False
        patience = self._settings.clean_close_seconds if clean else self._settings.grace_seconds
        entry.grace_until = self._clock.now() + patience
        entry.lost_reason = reason
        self._await_silence(entry)
        self._write_back.mark(user_id)
        return True

    def seen(self, user_id: int) -> None:
        """A sign of life. It is not announced."""
        entry = self.registry.get(user_id)
        entry.evidence_at = self._clock.now()
        entry.last_seen = max(entry.last_seen, self._clock.utc())
        self.registry.replace_status(entry, msgspec.structs.replace(entry.status, last_seen=entry.last_seen))
        self._write_back.mark(user_id)
        self.registry.heard.add(user_id)

    def socket_heartbeat(self, user_id: int) -> Status:
        """A heartbeat over a socket ends an explicit offline. It counts as long as the socket."""
        return self._beat(self.registry.get(user_id), lasting=False)

    async def heartbeat(self, user_id: int) -> Status:
        """A heartbeat over REST ends an explicit offline and keeps the user online for its life.

        If the store does not show the user as online yet, it is saved first: what the answer says must survive a
        crash. Raises StoreUnavailable.
        """
        entry = self.registry.get(user_id)
        if entry.status.is_online and entry.saved_online and not self._write_back.is_unsure(user_id):
            return self._beat(entry, lasting=True)
        return await self.change(user_id, StatusChange(is_online=True), reason="heartbeat")

    async def change(self, user_id: int, change: StatusChange, *, by: str = "", reason: Reason = "set") -> Status:
        """Save the requested change, then announce it. `by` is the operator, if an operator asks.

        Raises Invalid, NotFound, StoreUnavailable.
        """
        entry = self.registry.get(user_id)
        wanted = validated(change, self._clock.utc())
        async with self._write_back.locks.of(user_id):
            at = max(self._clock.utc(), entry.last_seen)  # after every heartbeat, wherever the wall clock jumped
            try:
                claims = applied(entry.claims, wanted)
                await self._write_back.save_claims(user_id, claims, at, is_heartbeat=wanted.is_online is True)
            except StoreUnavailable:
                if not by:
                    self.seen(user_id)  # asking is a sign of life, which the store may have saved without answering
                self._write_back.mark_unsure(user_id)
                raise
            self._apply(entry, wanted, at, by, "operator" if by else reason)
            return entry.status

    def change_call(self, participants: tuple[int, ...], old: str | None, new: str | None, reason: Reason) -> None:
        """Participants whose call is `old` are in `new` from now on; None stands for no call."""
        changed: list[UserEntry] = []
        for user_id in participants:
            entry = self.registry.find(user_id)
            if entry is not None and entry.claims.call_id == old:
                entry.claims = msgspec.structs.replace(entry.claims, call_id=new)
                changed.append(entry)
        self.review(*changed, reason=reason)

    def give_up_call(self, call_id: str) -> None:
        """Release everyone who is still held by this call, which is over."""
        held = tuple(entry.profile.user_id for entry in self.registry if entry.claims.call_id == call_id)
        self.change_call(held, call_id, None, "call_ended")

    def rename(self, profile: Profile) -> None:
        """A user's profile changed."""
        entry = self.registry.get(profile.user_id)
        entry.profile = profile
        entry.folded_name = folded_name(profile.username)
        self.review(entry, reason="set")

    def disable(self, user_id: int) -> None:
        """The user is offline, and refused everywhere, from now on."""
        entry = self.registry.get(user_id)
        entry.disabled = True
        self.review(entry, reason="operator")

    def review(self, *entries: UserEntry, reason: Reason, by: str = "") -> None:
        """Derive the statuses again and announce those that changed, in one synchronous step."""
        before = [entry.status for entry in entries]
        for entry in entries:
            self.registry.replace_status(entry, self.derive(entry))
        news = [(entry, old) for entry, old in zip(entries, before, strict=True) if differs(old, entry.status)]
        for entry, old in news:
            entry.note_change(old, self._clock.utc(), reason, by)
            self._write_back.mark(entry.profile.user_id)
        self._publisher.announce(*(entry for entry, _ in news), reason=reason)
        for entry, old in zip(entries, before, strict=True):
            self.registry.changed.add(entry.profile.user_id)
            if old.is_online != entry.status.is_online:
                self._publisher.count_false_offline(entry, old, reason)

    def _apply(self, entry: UserEntry, wanted: StatusChange, at: datetime, by: str, reason: Reason) -> None:
        busy_until = entry.claims.busy_until
        entry.claims = applied(entry.claims, wanted)
        if entry.claims.busy_until != busy_until:
            self._await_busy_end(entry)
        if wanted.is_online is False:
            entry.offline_set_at = at
            entry.heartbeat_at, entry.heartbeat_until = None, 0.0
        if wanted.is_online is True:
            self._heartbeat(entry, lasting=True)
        elif not by:
            self.seen(entry.profile.user_id)
        self._await_silence(entry)
        self.review(entry, reason=reason, by=by)

    def _beat(self, entry: UserEntry, *, lasting: bool) -> Status:
        self._heartbeat(entry, lasting=lasting)
        self.review(entry, reason="heartbeat")
        return entry.status

    def _heartbeat(self, entry: UserEntry, *, lasting: bool) -> None:
        self.seen(entry.profile.user_id)
        if entry.claims.set_offline:
            entry.claims = msgspec.structs.replace(entry.claims, set_offline=False)
            self._write_back.mark_unsure(entry.profile.user_id)
        if lasting:
            entry.heartbeat_at = entry.last_seen
            entry.heartbeat_until = self._clock.now() + self._settings.heartbeat_life_seconds
            self._await_silence(entry)

    def derive(self, entry: UserEntry) -> Status:
        """The status that follows from the entry's claims and evidence now."""
        until = max(entry.heartbeat_until, entry.grace_until)
        entry.alive = not entry.disabled and (entry.sessions > 0 or self._clock.now() < until)
        return status_of(entry.profile, entry.claims, alive=entry.alive, last_seen=entry.last_seen)

    def _await_silence(self, entry: UserEntry) -> None:
        """Set the deadline at which the evidence ends. If the user is back by then, its timer changes nothing."""
        until = max(entry.heartbeat_until, entry.grace_until)
        key = ("evidence", entry.profile.user_id)
        if entry.sessions == 0 and (entry.alive or until > self._clock.now()):
            self._timers.at(until, key, partial(self._evidence_ended, entry))
        else:
            self._timers.cancel(key)

    def _evidence_ended(self, entry: UserEntry) -> None:
        waited_for_connection = entry.grace_until >= entry.heartbeat_until
        self.review(entry, reason=entry.lost_reason if waited_for_connection else "timed_out")
        self._write_back.mark(entry.profile.user_id)

    def _await_busy_end(self, entry: UserEntry) -> None:
        """Set the deadline at which a busy status with an end is over: a moment of wall time, as the user was told."""
        key = ("busy", entry.profile.user_id)
        until = entry.claims.busy_until
        if until is None:
            self._wall_timers.cancel(key)
        else:
            self._wall_timers.at(until.timestamp(), key, partial(self._busy_ended, entry))

    def _busy_ended(self, entry: UserEntry) -> None:
        # Saved later: until then the store has a busy_until in the past, which is read as not busy.
        entry.claims = msgspec.structs.replace(entry.claims, set_busy=False, busy_until=None)
        self._write_back.mark_unsure(entry.profile.user_id)
        self.review(entry, reason="busy_expired")
