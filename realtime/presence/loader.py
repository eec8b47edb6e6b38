"""Loader: takes users and ongoing calls from the store into memory, at start and when they are added later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from models.calls import Call
from models.status import CurrentState, state_of, status_of
from models.user_documents import StoredUser, claims_of
from realtime.clock import Environment
from realtime.presence.engine import Presence
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Log, Proposal
from realtime.presence.record import Record, decide
from realtime.presence.user_entry import UserEntry
from realtime.presence.writeback import WriteBack
from settings import Settings


class Loader:
    """From stored users to entries. Users who were online are held, and announced offline only if they stay away."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        incarnation: Incarnation,
        presence: Presence,
        log: Log,
        write_back: WriteBack,
    ) -> None:
        self._settings = settings
        self._clock = environment.clock
        self._failures = environment.failures
        self._presence = presence
        self._registry = presence.registry
        self._incarnation = incarnation
        self._log = log
        self._write_back = write_back

    def load_all(self, users: Iterable[StoredUser]) -> None:
        """Take users from the store. One who cannot be loaded is logged and left out."""
        for user in users:
            try:
                self.load(user)
            except Exception as error:
                self._failures.note("loading a user", user.profile.user_id, error)

    def load(self, user: StoredUser) -> None:
        """Take a user from the store. Nothing is announced. Of a deleted user, only the id is known."""
        if user.deleted_at is not None:
            self._registry.deleted[user.profile.user_id] = user.deleted_at
            return
        utc, user_id = self._clock.utc(), user.profile.user_id
        entry = self._entry(user, utc)
        self._presence.deadlines.take_up(entry)
        self._registry.add(entry)
        self._registry.changed.add(user_id)
        if user.set_busy and not entry.claims.set_busy:  # it ended while no server was running
            self._write_back.mark_unsure(user_id)

    def add_all(self, users: Iterable[StoredUser]) -> None:
        """Add new users. One who cannot be loaded is logged and left out."""
        for user in users:
            try:
                self.add(user)
            except Exception as error:
                self._failures.note("adding a user", user.profile.user_id, error)

    def add(self, user: StoredUser) -> None:
        """Take a new user from the store, and announce the user to everyone."""
        if user.profile.user_id in self._registry:
            return
        self.load(user)
        if user.deleted_at is None:
            self._log.append(Proposal((user.profile.user_id,), "set", is_repeat=True))

    def restore_calls(self, calls: Iterable[Call]) -> None:
        """The participants of these calls are still in them. Nobody is connected yet who could be told."""
        for call in calls:
            for user_id in call.participants:
                entry = self._registry.find(user_id)
                if entry is not None:
                    try:
                        self._restore_call(entry, call)
                    except Exception as error:
                        self._failures.note("restoring a call", call.call_id, error)

    def _restore_call(self, entry: UserEntry, call: Call) -> None:
        before = entry.record
        changed = msgspec.structs.replace(before, claims=msgspec.structs.replace(before.claims, call_id=call.call_id))
        after = decide(before, changed, last_seen=entry.last_seen, at=call.started_at, reason="call_started")
        after = msgspec.structs.replace(after, state=msgspec.structs.replace(after.state, reason="call_started", by=""))
        self._registry.replace_record(entry, after)
        entry.logged_state = after.state.state
        self._registry.changed.add(entry.profile.user_id)

    def _entry(self, user: StoredUser, utc: datetime) -> UserEntry:
        now = self._clock.now()
        is_held = user.online and not user.disabled
        grace_until = now + self._settings.hold_seconds if is_held else 0.0
        heartbeat_until = 0.0
        # The heartbeat of a user who was offline is over, even if the wall clock went back since.
        if is_held and user.heartbeat_at is not None and not _ended_by(user.offline_set_at, user.heartbeat_at):
            age = max(0.0, (utc - user.heartbeat_at).total_seconds())
            heartbeat_until = now + self._settings.heartbeat_life_seconds - age
        is_alive = now < max(grace_until, heartbeat_until)
        owner = self._incarnation.id
        mine = frozenset({owner})
        record = record_of(user, utc, owner, mine if is_alive else frozenset())
        if now < heartbeat_until:
            record = msgspec.structs.replace(record, heartbeat_on=mine)
        entry = UserEntry(record)
        entry.heartbeat_at = user.heartbeat_at
        entry.evidence_at = now
        entry.saved_online = user.online
        entry.grace_until, entry.heartbeat_until = grace_until, heartbeat_until
        return entry


def _ended_by(offline_set_at: datetime | None, heartbeat_at: datetime) -> bool:
    """Whether an explicit offline came after the heartbeat. It ends the evidence, also if it is over itself."""
    return offline_set_at is not None and offline_set_at >= heartbeat_at


def record_of(user: StoredUser, utc: datetime, owner: str, alive_on: frozenset[str]) -> Record:
    """The record of a stored user, owned by the server `owner`.

    A state that differs from the stored one by now began with this start.
    """
    claims = claims_of(user, utc)
    alive = bool(alive_on) and not user.disabled
    status = status_of(user.profile, claims, alive=alive, last_seen=user.last_seen)
    state, stored = state_of(status), user.current_state
    if stored is None:
        current = CurrentState(state, user.last_seen, "timed_out")
    else:
        current = CurrentState(state, stored.since if stored.state == state else utc, stored.reason, stored.by)
    return Record(
        profile=user.profile,
        created_at=user.created_at,
        status=status,
        state=current,
        claims=claims,
        offline_set_at=user.offline_set_at,
        alive_on=alive_on,
        owner=owner,
        rev=user.rev,
        disabled=user.disabled,
        token_version=user.token_version,
        tokens_after=user.tokens_after,
        tags=user.tags,
        foreign_tokens_after=user.foreign_tokens_after,
        kept_login=user.kept_login,
        token_profile=user.token_profile,
    )
