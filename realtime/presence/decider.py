"""Decider: derives the rows of the log from proposals, and limits how often one user is announced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import msgspec

from models.status import differs
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Environment, Timers
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Draft, Proposal
from realtime.presence.record import Record, decide, deleted_record, with_evidence
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow
from settings import Settings

_NONE: Mapping[int, Record] = {}


class Decider:
    """Reads the records as they are and returns those that follow. Nothing is awaited in between.

    One user causes at most `announcements_per_second`; the last state always follows. It is announced even if it equals
    the one announced before, because a client may have read a state in between from a snapshot or over REST. Changes of
    tags are not limited, because users do not make them.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        incarnation: Incarnation,
        registry: Registry,
        ongoing: OngoingCalls,
        timers: Timers,
        append: Callable[[Proposal], object],
    ) -> None:
        self._incarnation = incarnation
        self._registry = registry
        self._ongoing = ongoing
        self._timers = timers
        self._append = append
        self._clock = environment.clock
        self._counters = environment.counters
        self._per_second = settings.announcements_per_second

    def rows(self, proposal: Proposal, newer: Mapping[int, Record] = _NONE) -> list[Draft] | None:
        """The rows that follow from a proposal, or None if it changes nothing.

        `newer` has the records that are already in the log but not yet in memory.
        """
        rows: list[Draft] = []
        for user_id in proposal.user_ids:
            entry = self._registry.find(user_id)
            row = None if entry is None else self._row(entry, proposal, newer)
            if row is not None:
                rows.append(row)
        rows += self._deletions(proposal)
        return rows if rows or self._is_news(proposal) else None

    def _is_news(self, proposal: Proposal) -> bool:
        """Whether a proposal says something besides its rows."""
        call = proposal.call
        is_unknown = call is not None and (call.status == "ongoing") != (call.call_id in self._ongoing)
        return is_unknown or not (proposal.revoked is None and proposal.kick is None and proposal.action is None)

    def _deletions(self, proposal: Proposal) -> list[Draft]:
        """The rows of those users who were deleted and are written or announced all the same."""
        deleted, server = self._registry.deleted, self._incarnation.id
        return [
            Draft(
                user_id,
                msgspec.structs.replace(deleted_record(user_id, deleted[user_id]), owner=server),
                is_announced=proposal.repeats(user_id),
            )
            for user_id in proposal.user_ids
            if user_id in deleted and user_id not in self._registry
            if proposal.repeats(user_id) or proposal.writes(user_id)
        ]

    def _row(self, entry: UserEntry, proposal: Proposal, newer: Mapping[int, Record]) -> Draft | None:
        now, server, user_id = self._clock.now(), self._incarnation.id, entry.profile.user_id
        before = newer.get(user_id, entry.record)
        if before.deleted_at is not None:
            return None
        changed = proposal.fact(before)
        if changed.deleted_at is not None:
            return Draft(user_id, msgspec.structs.replace(changed, owner=server), is_announced=True)
        after = decide(
            before,
            with_evidence(changed, server, is_alive=entry.has_evidence(now), has_heartbeat=entry.has_heartbeat(now)),
            last_seen=max(entry.last_seen, before.status.last_seen),
            at=self._clock.utc(),
            reason=proposal.reason,
            by=proposal.by,
        )
        is_owed_now = proposal.if_owed and before.is_owed
        is_changed = after is not before and differs(before.status, after.status)
        is_news = is_changed or is_owed_now or proposal.repeats(user_id)
        if after is before and not (is_news or proposal.writes(user_id)):
            return None
        is_told = is_news and self._is_due(entry, proposal.reason, now)
        is_owed = not is_told and (is_news or before.is_owed)
        is_announced = is_told or before.tags != after.tags
        announced_as, is_quiet = before.announced_as, before.is_quiet
        if is_announced:
            announced_as, is_quiet = proposal.reason, not is_told
        if (after.owner, after.is_owed, after.announced_as, after.is_quiet) != (
            server,
            is_owed,
            announced_as,
            is_quiet,
        ):
            after = msgspec.structs.replace(
                after, owner=server, is_owed=is_owed, announced_as=announced_as, is_quiet=is_quiet
            )
        return Draft(user_id, after, is_announced)

    def user_removed(self, entry: UserEntry, _before: Record, _is_own: bool) -> None:
        """A user was deleted, and is announced no more."""
        self._timers.cancel(_key(entry))

    def record_changed(self, entry: UserEntry, _before: Record) -> None:
        """Announce later what is owed by the record that this server wrote last."""
        record = entry.record
        if record.is_owed and self._incarnation.is_own(record.owner) and _key(entry) not in self._timers:
            self._announce_later(entry, cast("Reason", record.state.reason))

    def _is_due(self, entry: UserEntry, reason: Reason, now: float) -> bool:
        """Whether the user may be announced now. If not, that follows as soon as it may."""
        if _key(entry) not in self._timers and self._window(entry).take(now):
            return True
        self._counters.dropped += 1
        self._announce_later(entry, reason)
        return False

    def _announce_later(self, entry: UserEntry, reason: Reason) -> None:
        later = Proposal((entry.profile.user_id,), reason, if_owed=True)
        self._timers.at(self._window(entry).opens_at(self._clock.now()), _key(entry), partial(self._append, later))

    def _window(self, entry: UserEntry) -> SlidingWindow:
        if entry.window is None:
            entry.window = SlidingWindow(self._per_second, 1.0)
        return entry.window


def _key(entry: UserEntry) -> tuple[str, int]:
    return "announce", entry.profile.user_id
