"""Directory: every user's entry in memory, the counts, and the order of the feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from operator import attrgetter

from models.errors import NotFound
from models.status import Claims, CurrentState, Profile, Status, state_of, status_of
from models.users import username_key
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow

_by_rank = attrgetter("rank")


class UserEntry:
    """One user: claims, evidence, and the status that follows. `presence` alone writes it."""

    __slots__ = (
        "alive",
        "cause",
        "cause_by",
        "claims",
        "created_at",
        "disabled",
        "evidence_at",
        "grace_until",
        "heartbeat_at",
        "heartbeat_until",
        "last_seen",
        "lost_reason",
        "offline_set_at",
        "offline_since",
        "profile",
        "rank",
        "sessions",
        "state_since",
        "status",
        "tokens_after",
        "username_key",
        "window",
        "witnessed",
    )  # fmt: skip

    def __init__(self, profile: Profile, created_at: datetime, last_seen: datetime) -> None:
        self.profile = profile
        self.username_key = username_key(profile.username)
        self.created_at = created_at
        self.disabled = False
        self.tokens_after: datetime | None = None
        """Tokens issued up to then are refused."""
        self.claims = Claims()
        self.offline_set_at: datetime | None = None
        self.sessions = 0
        """Live sockets."""
        self.heartbeat_at: datetime | None = None
        self.heartbeat_until = 0.0
        """Steady time up to which a heartbeat over REST counts."""
        self.grace_until = 0.0
        """Steady time up to which a lost connection, or a restart, is forgiven."""
        self.evidence_at = 0.0
        """Steady time of the last evidence: where a call's lease starts."""
        self.alive = False
        """Whether the evidence says online; explicit offline is a claim and stands above."""
        self.last_seen = last_seen
        self.lost_reason: Reason = "timed_out"
        """What to say if nobody comes back."""
        self.offline_since: float | None = None
        """Steady time of the last offline for lack of evidence, to know a false one."""
        self.status: Status = status_of(profile, self.claims, alive=False, last_seen=last_seen)
        self.state_since = last_seen
        """When the present state (available, busy, offline) began, for people."""
        self.cause: str = "timed_out"
        """What led to the present status."""
        self.cause_by = ""
        """The operator whose doing it was, if it was an operator's."""
        self.witnessed = state_of(self.status)
        """The state of the last event that was noted; see `chronicle`."""
        self.window: SlidingWindow | None = None
        """The announcements of the last second; most users never need one."""
        self.rank = 0

    @property
    def current_state(self) -> CurrentState:
        """The present state, since when, and why: what the store keeps of it."""
        return CurrentState(state_of(self.status), self.state_since, self.cause, self.cause_by)


class Registry:
    """All entries by id, and the feed's order: available, busy, offline, each by the newest `last_seen`."""

    def __init__(self) -> None:
        self._entries: dict[int, UserEntry] = {}
        self._order: list[UserEntry] = []
        self._sorted = True
        self.online = 0
        self.available = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[UserEntry]:
        return iter(self._entries.values())

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._entries

    def find(self, user_id: int) -> UserEntry | None:
        """The user's entry, if there is such a user."""
        return self._entries.get(user_id)

    def get(self, user_id: int) -> UserEntry:
        """The user's entry. Raises NotFound."""
        entry = self._entries.get(user_id)
        if entry is None:
            raise NotFound("No such user")
        return entry

    def add(self, entry: UserEntry) -> None:
        """Take in a new user."""
        self._entries[entry.profile.user_id] = entry
        self._order.append(entry)
        self._count(entry.status, 1)
        self._place(entry)

    def replace_status(self, entry: UserEntry, status: Status) -> None:
        """Give an entry its new status and its new place."""
        self._count(entry.status, -1)
        entry.status = status
        self._count(status, 1)
        self._place(entry)

    def page(
        self, q: str, *, online_only: bool, available_only: bool, skip: int, limit: int
    ) -> tuple[list[Status], int]:
        """Statuses in the order of the feed, and how many match. `q` is literal: part of a name, or an id."""
        if not self._sorted:
            # Nearly in order already, which is where Python's sort is linear.
            self._order.sort(key=_by_rank)
            self._sorted = True
        count = self.available if available_only else self.online if online_only else len(self._order)
        candidates = self._order[:count]
        if q:
            key = username_key(q)
            candidates = [entry for entry in candidates if key in entry.username_key or q == str(entry.profile.user_id)]
        return [entry.status for entry in candidates[skip : skip + limit]], len(candidates)

    def statuses(self) -> list[Status]:
        """Everyone's status now. The values are frozen, so the list is a snapshot."""
        return [entry.status for entry in self._entries.values()]

    def _count(self, status: Status, step: int) -> None:
        self.online += step * status.is_online
        self.available += step * status.is_available

    def _place(self, entry: UserEntry) -> None:
        """One whole number to sort by: the state, then the newest last_seen (46 bits of milliseconds), then the id."""
        status = entry.status
        state = 0 if status.is_available else 1 if status.is_online else 2
        age = 2**46 - int(status.last_seen.timestamp() * 1000)
        entry.rank = (state << 46 | age) << 53 | status.user_id
        self._sorted = False


def note_change(entry: UserEntry, before: Status, utc: datetime, reason: Reason, by: str) -> None:
    """The entry's status just became another. `by` is the operator whose doing it was, if it was one's."""
    entry.cause, entry.cause_by = reason, by
    if state_of(before) != state_of(entry.status):
        entry.state_since = utc


def restore(entry: UserEntry, stored: CurrentState | None, utc: datetime) -> None:
    """What the store says of the present state; if the state is another by now, it began with this start."""
    entry.witnessed = state = state_of(entry.status)
    if stored is not None:
        entry.cause, entry.cause_by = stored.reason, stored.by
        entry.state_since = stored.since if stored.state == state else utc
