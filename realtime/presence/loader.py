"""Loader: takes users and ongoing calls from the store into memory, at start and when they are added later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from models.calls import Call
from models.status import Claims, state_of
from models.user_documents import StoredUser
from realtime.clock import Environment
from realtime.presence.engine import Presence
from realtime.presence.publisher import Publisher
from realtime.presence.registry import UserEntry
from realtime.presence.writeback import WriteBack
from settings import Settings


class Loader:
    """From stored users to entries. Users who were online are held, and announced offline only if they stay away."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        presence: Presence,
        publisher: Publisher,
        write_back: WriteBack,
    ) -> None:
        self._settings = settings
        self._clock = environment.clock
        self._failures = environment.failures
        self._presence = presence
        self._registry = presence.registry
        self._publisher = publisher
        self._write_back = write_back

    def load_all(self, users: Iterable[StoredUser]) -> None:
        """Take users from the store. One who cannot be loaded is logged and left out."""
        for user in users:
            try:
                self.load(user)
            except Exception as error:
                self._failures.note("loading a user", user.profile.user_id, error)

    def load(self, user: StoredUser) -> None:
        """Take a user from the store. Nothing is announced."""
        utc, user_id = self._clock.utc(), user.profile.user_id
        entry = self._entry(user, utc)
        self._presence.take_up(entry)
        entry.restore_state(user.current_state, utc)
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
        if user.profile.user_id not in self._registry:
            self.load(user)
            self._publisher.announce(self._registry.get(user.profile.user_id), reason="set")

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
        before = entry.status
        entry.claims = msgspec.structs.replace(entry.claims, call_id=call.call_id)
        self._registry.replace_status(entry, self._presence.derive(entry))
        entry.note_change(before, call.started_at, "call_started", "")
        entry.logged_state = state_of(entry.status)
        self._registry.changed.add(entry.profile.user_id)

    def _entry(self, user: StoredUser, utc: datetime) -> UserEntry:
        now = self._clock.now()
        entry = UserEntry(user.profile, user.created_at, user.last_seen)
        entry.disabled = user.disabled
        entry.token_version, entry.tokens_after = user.token_version, user.tokens_after
        entry.heartbeat_at = user.heartbeat_at
        entry.offline_set_at = user.offline_set_at
        entry.evidence_at = now
        entry.claims = claims_of(user, utc)
        entry.saved_online = user.online
        if user.online:
            entry.grace_until = now + self._settings.hold_seconds
        # The heartbeat of a user who was offline is over, even if the wall clock went back since.
        if user.online and user.heartbeat_at is not None:
            age = max(0.0, (utc - user.heartbeat_at).total_seconds())
            entry.heartbeat_until = now + self._settings.heartbeat_life_seconds - age
        return entry


def claims_of(user: StoredUser, utc: datetime) -> Claims:
    """The claims of a stored user. A later heartbeat ended an explicit offline; a `busy_until` in the past, busy."""
    set_at, heartbeat_at = user.offline_set_at, user.heartbeat_at
    busy = user.set_busy and (user.busy_until is None or user.busy_until > utc)
    return Claims(
        set_offline=set_at is not None and (heartbeat_at is None or set_at >= heartbeat_at),
        set_busy=busy,
        busy_until=user.busy_until if busy else None,
    )
