"""Presence: claims and evidence of every user, and the status that follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from models.calls import Call
from models.errors import StoreUnavailable
from models.status import Profile, Status, differs, state_of, status_of
from models.users import StoredUser, username_key
from realtime.clock import Clock
from realtime.presence.claims import StatusChange, applied, claims_of, validated
from realtime.presence.deadlines import Deadlines
from realtime.presence.locks import UserLocks
from realtime.presence.publisher import Publisher
from realtime.presence.registry import Registry, UserEntry, note_change, restore
from realtime.presence.writeback import WriteBack
from realtime.protocol import Reason

Touch = Callable[[int], None]
"""Told a user's id."""


class PresenceTimes(msgspec.Struct, frozen=True):
    """Seconds; see the settings of the same names."""

    grace_seconds: float
    clean_close_seconds: float
    heartbeat_life_seconds: float
    hold_seconds: float


class Presence:
    """The engine. Between reading a status and announcing the new one it never awaits.

    `touch` is told whenever something of a user may have changed, `heard` of every sign of life.
    """

    def __init__(
        self,
        registry: Registry,
        write_back: WriteBack,
        user_locks: UserLocks,
        deadlines: Deadlines,
        clock: Clock,
        times: PresenceTimes,
        publisher: Publisher,
        touch: Touch,
        heard: Touch,
    ) -> None:
        self._registry = registry
        self._write_back = write_back
        self._user_locks = user_locks
        self._deadlines = deadlines
        self._clock = clock
        self._times = times
        self._publisher = publisher
        self._touch = touch
        self._heard = heard

    def load(self, user: StoredUser) -> None:
        """Take in a user from the store. Who was online is held: only who doesn't come back is announced offline."""
        now, utc = self._clock.now(), self._clock.utc()
        entry = UserEntry(user.profile, user.created_at, user.last_seen)
        entry.disabled = user.disabled
        entry.tokens_after = user.tokens_after
        entry.heartbeat_at = user.heartbeat_at
        entry.offline_set_at = user.offline_set_at
        entry.evidence_at = now
        entry.claims = claims_of(user, utc)
        if user.set_busy and not entry.claims.set_busy:  # it ended while nobody was there to write it down
            self._write_back.mark_unsure(user.profile.user_id)
        if user.online:
            entry.grace_until = now + self._times.hold_seconds
        if user.online and user.heartbeat_at is not None:  # one of who was offline is over, also if the clock went back
            left = self._times.heartbeat_life_seconds - max(0.0, (utc - user.heartbeat_at).total_seconds())
            entry.heartbeat_until = now + left
        self._deadlines.await_silence(entry, self._evidence_ended)
        self._deadlines.await_busy_end(entry, self._busy_ended)
        entry.status = self._derive(entry)
        restore(entry, user.current_state, utc)
        self._registry.add(entry)
        self._touch(user.profile.user_id)

    def add(self, user: StoredUser) -> None:
        """A new user, whom everyone is told of."""
        if user.profile.user_id not in self._registry:
            self.load(user)
            self._publisher.announce(self._registry.get(user.profile.user_id), reason="set")

    def restore_call(self, user_id: int, call: Call) -> None:
        """At start: the user is still in a call. Nobody is there yet to be told."""
        entry = self._registry.find(user_id)
        if entry is not None:
            entry.claims = msgspec.structs.replace(entry.claims, call_id=call.call_id)
            before = entry.status
            self._registry.replace_status(entry, self._derive(entry))
            note_change(entry, before, call.started_at, "call_started", "")
            entry.witnessed = state_of(entry.status)
            self._touch(user_id)

    def status(self, user_id: int) -> Status:
        """The user's status. Raises NotFound."""
        return self._registry.get(user_id).status

    def join(self, user_id: int) -> bool:
        """One more socket; whether it is the user's first."""
        entry = self._registry.get(user_id)
        entry.sessions += 1
        self._seen(entry)
        self._review(entry, reason="connected")
        return entry.sessions == 1

    def leave(self, user_id: int, reason: Reason, *, clean: bool) -> bool:
        """One socket less; whether it was the user's last. A lost one is given time to come back."""
        entry = self._registry.get(user_id)
        entry.sessions -= 1
        if clean:
            self._seen(entry)
        entry.evidence_at = self._clock.now()
        self._touch(user_id)
        if entry.sessions:
            return False
        patience = self._times.clean_close_seconds if clean else self._times.grace_seconds
        entry.grace_until = self._clock.now() + patience
        entry.lost_reason = reason
        self._deadlines.await_silence(entry, self._evidence_ended)
        self._write_back.mark(user_id)
        return True

    def seen(self, user_id: int) -> None:
        """A sign of life on a socket. Nobody is told."""
        self._seen(self._registry.get(user_id))

    def heartbeat(self, user_id: int, *, over_socket: bool) -> Status:
        """It ends an explicit offline. Over REST it counts for its life, over a socket as long as the socket."""
        entry = self._registry.get(user_id)
        self._heartbeat(entry, lasting=not over_socket)
        self._review(entry, reason="heartbeat")
        return entry.status

    async def change(self, user_id: int, change: StatusChange, *, by: str = "") -> Status:
        """Carry out what is asked: save it first, then announce it. `by` is the operator, if an operator asks.

        Raises Invalid, NotFound, StoreUnavailable.
        """
        entry = self._registry.get(user_id)
        wanted = validated(change, self._clock.utc())
        async with self._user_locks.of(user_id):
            at = max(self._clock.utc(), entry.last_seen)  # after every heartbeat, wherever the wall clock jumped
            try:
                claims = applied(entry.claims, wanted)
                await self._write_back.save_claims(user_id, claims, at, is_heartbeat=wanted.is_online is True)
            except StoreUnavailable:
                if not by:
                    self._seen(entry)  # who asks is alive, and the store may have noted it though it gave no answer
                self._write_back.mark_unsure(user_id)
                raise
            self._apply(entry, wanted, at, by)
            return entry.status

    def _apply(self, entry: UserEntry, wanted: StatusChange, at: datetime, by: str) -> None:
        busy_until = entry.claims.busy_until
        entry.claims = applied(entry.claims, wanted)
        if entry.claims.busy_until != busy_until:  # else its deadline stands, wherever the wall clock jumped since
            self._deadlines.await_busy_end(entry, self._busy_ended)
        if wanted.is_online is False:
            entry.offline_set_at = at
            entry.heartbeat_at, entry.heartbeat_until = None, 0.0
        if wanted.is_online is True:
            self._heartbeat(entry, lasting=True)
        elif not by:
            self._seen(entry)
        self._deadlines.await_silence(entry, self._evidence_ended)
        self._review(entry, reason="operator" if by else "set", by=by)

    def claim_call(self, call_id: str, participants: tuple[int, int]) -> None:
        """Both are in a call from now on."""
        self._change_call(participants, None, call_id, "call_started")

    def release_call(self, call_id: str, participants: tuple[int, int]) -> None:
        """Both are out of this call; the claims below it show again."""
        self._change_call(participants, call_id, None, "call_ended")

    def give_up_call(self, call_id: str) -> None:
        """Whoever is still held by this call, which is over, is out of it."""
        held = tuple(entry.profile.user_id for entry in self._registry if entry.claims.call_id == call_id)
        self._change_call(held, call_id, None, "call_ended")

    def rename(self, profile: Profile) -> None:
        """A user's profile changed."""
        entry = self._registry.get(profile.user_id)
        entry.profile = profile
        entry.username_key = username_key(profile.username)
        self._review(entry, reason="set")

    def disable(self, user_id: int) -> None:
        """The user is refused everywhere from now on, and offline."""
        entry = self._registry.get(user_id)
        entry.disabled = True
        self._review(entry, reason="operator")

    def revoke_tokens(self, user_id: int, at: datetime) -> None:
        """Refuse all of the user's tokens issued up to then."""
        self._registry.get(user_id).tokens_after = at

    def silent_for(self, user_id: int) -> float:
        """Seconds since the last evidence of the user; 0 with a live socket."""
        entry = self._registry.get(user_id)
        return 0.0 if entry.sessions else self._clock.now() - entry.evidence_at

    def _change_call(self, participants: tuple[int, ...], old: str | None, new: str | None, reason: Reason) -> None:
        changed: list[UserEntry] = []
        for user_id in participants:
            entry = self._registry.find(user_id)
            if entry is not None and entry.claims.call_id == old:
                entry.claims = msgspec.structs.replace(entry.claims, call_id=new)
                changed.append(entry)
        self._review(*changed, reason=reason)

    def _seen(self, entry: UserEntry) -> None:
        entry.evidence_at = self._clock.now()
        entry.last_seen = max(entry.last_seen, self._clock.utc())
        self._registry.replace_status(entry, msgspec.structs.replace(entry.status, last_seen=entry.last_seen))
        self._write_back.mark(entry.profile.user_id)
        self._heard(entry.profile.user_id)

    def _heartbeat(self, entry: UserEntry, *, lasting: bool) -> None:
        self._seen(entry)
        if entry.claims.set_offline:
            entry.claims = msgspec.structs.replace(entry.claims, set_offline=False)
            self._write_back.mark_unsure(entry.profile.user_id)
        if lasting:
            entry.heartbeat_at = entry.last_seen
            entry.heartbeat_until = self._clock.now() + self._times.heartbeat_life_seconds
            self._deadlines.await_silence(entry, self._evidence_ended)

    def _derive(self, entry: UserEntry) -> Status:
        until = max(entry.heartbeat_until, entry.grace_until)
        entry.alive = not entry.disabled and (entry.sessions > 0 or self._clock.now() < until)
        return status_of(entry.profile, entry.claims, alive=entry.alive, last_seen=entry.last_seen)

    def _evidence_ended(self, entry: UserEntry) -> None:
        waited_for_connection = entry.grace_until >= entry.heartbeat_until
        self._review(entry, reason=entry.lost_reason if waited_for_connection else "timed_out")
        self._write_back.mark(entry.profile.user_id)

    def _busy_ended(self, entry: UserEntry) -> None:
        # Saved behind: until then a busy_until that lies in the past is read as not busy.
        entry.claims = msgspec.structs.replace(entry.claims, set_busy=False, busy_until=None)
        self._write_back.mark_unsure(entry.profile.user_id)
        self._review(entry, reason="busy_expired")

    def _review(self, *entries: UserEntry, reason: Reason, by: str = "") -> None:
        """Derive the statuses anew and announce those that are news, in one synchronous step."""
        news: list[UserEntry] = []
        for entry in entries:
            before = entry.status
            self._registry.replace_status(entry, self._derive(entry))
            self._touch(entry.profile.user_id)
            if differs(before, entry.status):
                news.append(entry)
                note_change(entry, before, self._clock.utc(), reason, by)
                self._write_back.mark(entry.profile.user_id)
            if before.is_online != entry.status.is_online:
                self._publisher.note_offline(entry, before, reason)
        self._publisher.announce(*news, reason=reason)
