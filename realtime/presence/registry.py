"""Registry: every user's entry in memory, the counts, and the order of the feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from operator import attrgetter

from models.errors import NotFound
from models.status import Claims, CurrentState, Profile, Status, state_of, status_of
from models.times import milliseconds
from models.usernames import folded_name
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow

_by_rank = attrgetter("rank")


class UserEntry:
    """One user: claims, evidence, and the status derived from them. Only the presence room changes it."""

    __slots__ = (
        "alive",
        "cause",
        "cause_by",
        "claims",
        "created_at",
        "disabled",
        "evidence_at",
        "folded_name",
        "grace_until",
        "heartbeat_at",
        "heartbeat_until",
        "last_seen",
        "logged_state",
        "lost_reason",
        "offline_set_at",
        "offline_since",
        "profile",
        "rank",
        "saved_online",
        "sessions",
        "state_since",
        "status",
        "token_version",
        "tokens_after",
        "window",
    )  # fmt: skip

    def __init__(self, profile: Profile, created_at: datetime, last_seen: datetime) -> None:
        self.profile = profile
        self.folded_name = folded_name(profile.username)
        self.created_at = created_at
        self.disabled = False
        self.token_version = 0
        """Tokens with a lower version are refused."""
        self.tokens_after: datetime | None = None
        """Tokens without a version that were issued up to this moment are refused."""
        self.claims = Claims()
        self.offline_set_at: datetime | None = None
        self.sessions = 0
        """Open sockets."""
        self.heartbeat_at: datetime | None = None
        self.heartbeat_until = 0.0
        """Steady time until which the last heartbeat over REST counts."""
        self.grace_until = 0.0
        """Steady time until which a lost connection or a restart of the server is forgiven."""
        self.evidence_at = 0.0
        """Steady time of the last evidence. The lease of a call counts from here."""
        self.alive = False
        """Whether the evidence says online. An explicit offline is a claim, and is stronger."""
        self.saved_online = False
        """Whether the store certainly says so too, so that a crash does not take the user offline."""
        self.last_seen = last_seen
        self.lost_reason: Reason = "timed_out"
        """The reason to announce if the user does not come back."""
        self.offline_since: float | None = None
        """Steady time of the last offline for lack of evidence, to recognise a false one."""
        self.status: Status = status_of(profile, self.claims, alive=False, last_seen=last_seen)
        self.state_since = last_seen
        """Wall time at which the current state (available, busy, offline) began."""
        self.cause: str = "timed_out"
        """The reason of the last change of status."""
        self.cause_by = ""
        """The operator who caused that change, if it was an operator."""
        self.logged_state = state_of(self.status)
        """The state in the last event of this user; see the event log."""
        self.window: SlidingWindow | None = None
        """The announcements of the last second. Most users never need one."""
        self.rank = 0

    @property
    def current_state(self) -> CurrentState:
        """The current state, since when and why, as the store keeps it."""
        return CurrentState(state_of(self.status), self.state_since, self.cause, self.cause_by)

    def silent_for(self, now: float) -> float:
        """Seconds since the last evidence of the user; 0 with an open socket."""
        return 0.0 if self.sessions else now - self.evidence_at

    def note_change(self, before: Status, utc: datetime, reason: Reason, by: str) -> None:
        """Note why the status has changed from `before`. `by` is the operator, if an operator changed it."""
        self.cause, self.cause_by = reason, by
        if state_of(before) != state_of(self.status):
            self.state_since = utc

    def restore_state(self, stored: CurrentState | None, utc: datetime) -> None:
        """Take over what the store says about the state. A state that differs by now began with this start."""
        self.logged_state = state = state_of(self.status)
        if stored is not None:
            self.cause, self.cause_by = stored.reason, stored.by
            self.state_since = stored.since if stored.state == state else utc


class Registry:
    """All entries by id, and the order of the feed: available, busy, offline, each by the newest `last_seen`."""

    def __init__(self) -> None:
        self._entries: dict[int, UserEntry] = {}
        self._order: list[UserEntry] = []
        self._sorted = True
        self.online = 0
        self.available = 0
        self.changed: set[int] = set()
        """Users who may look different on the dashboard since it emptied this set."""
        self.heard: set[int] = set()
        """Users who gave a sign of life since then."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[UserEntry]:
        return iter(self._entries.values())

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._entries

    def find(self, user_id: int) -> UserEntry | None:
        """The user's entry, or None."""
        return self._entries.get(user_id)

    def get(self, user_id: int) -> UserEntry:
        """The user's entry. Raises NotFound."""
        entry = self._entries.get(user_id)
        if entry is None:
            raise NotFound("No such user")
        return entry

    def name(self, user_id: int) -> str:
        """The user's name, or “user 12” for an id that nobody has."""
        entry = self._entries.get(user_id)
        return entry.profile.username if entry else f"user {user_id}"

    def add(self, entry: UserEntry) -> None:
        """Add a new user."""
        self._entries[entry.profile.user_id] = entry
        self._order.append(entry)
        self._count(entry.status, 1)
        self._place(entry)

    def replace_status(self, entry: UserEntry, status: Status) -> None:
        """Give an entry its new status, and its new place in the feed."""
        self._count(entry.status, -1)
        entry.status = status
        self._count(status, 1)
        self._place(entry)

    def page(
        self, q: str, *, online_only: bool, available_only: bool, skip: int, limit: int
    ) -> tuple[list[Status], int]:
        """One page of statuses in the order of the feed, and how many match. `q` is part of a name, or an id."""
        if not self._sorted:
            # The list is nearly in order, where Python's sort is linear.
            self._order.sort(key=_by_rank)
            self._sorted = True
        count = self.available if available_only else self.online if online_only else len(self._order)
        candidates = self._order[:count]
        if q:
            part = folded_name(q)
            candidates = [entry for entry in candidates if part in entry.folded_name or q == str(entry.profile.user_id)]
        return [entry.status for entry in candidates[skip : skip + limit]], len(candidates)

    def statuses(self) -> list[Status]:
        """Everyone's status now. The values are frozen, so the list is a snapshot."""
        return [entry.status for entry in self._entries.values()]

    def _count(self, status: Status, step: int) -> None:
        self.online += step * status.is_online
        self.available += step * status.is_available

    def _place(self, entry: UserEntry) -> None:
        """Rank by one whole number: the state, then the newest last_seen (46 bits of milliseconds), then the id."""
        status = entry.status
        state = 0 if status.is_available else 1 if status.is_online else 2
        age = 2**46 - milliseconds(status.last_seen)
        entry.rank = (state << 46 | age) << 53 | status.user_id
        self._sorted = False
