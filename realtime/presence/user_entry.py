"""User entry: what memory holds of one user."""

from __future__ import annotations

from datetime import datetime

from models.search import search_key
from models.status import Claims, CurrentState, Profile, Status
from realtime.presence.record import Record, latest
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow


class UserEntry:
    """One user: the record, and what this server alone has seen. Only the presence room changes it."""

    __slots__ = (
        "evidence_at",
        "grace_until",
        "heartbeat_at",
        "heartbeat_until",
        "is_elsewhere",
        "last_seen",
        "least_kept_login",
        "least_version",
        "logged_state",
        "lost_reason",
        "name_order",
        "offline_since",
        "promised",
        "rank",
        "record",
        "refused_before",
        "refused_rev",
        "rev",
        "saved_online",
        "search_key",
        "sessions",
        "status",
        "told_tags",
        "window",
    )  # fmt: skip

    def __init__(self, record: Record) -> None:
        self.record = record
        """Changes only with an entry of the log."""
        self.name_anew(record.profile)
        self.rev = record.rev
        """The `rev` of the stored document that this entry was last brought into line with."""
        self.sessions = 0
        """Open sockets."""
        self.is_elsewhere = False
        """Whether another server has signs of life of the user."""
        self.heartbeat_at: datetime | None = None
        self.heartbeat_until = 0.0
        """Steady time until which the last heartbeat over REST counts."""
        self.grace_until = 0.0
        """Steady time until which a lost connection or a restart of the server is forgiven."""
        self.evidence_at = 0.0
        """Steady time of the last evidence. The lease of a call counts from here."""
        self.saved_online = False
        """Whether the store certainly has the user online, so that a crash does not take the user offline."""
        self.last_seen = record.status.last_seen
        self.least_version = 0
        """Tokens with a lower version are refused, even if the record does not say so yet."""
        self.least_kept_login = ""
        """The login that this leaves valid."""
        self.refused_rev = 0
        """The `rev` of the stored document that says that the user is disabled, even if the record is older yet."""
        self.refused_before: datetime | None = None
        """Tokens of another program from before this moment are refused, even if the record does not say so yet."""
        self.lost_reason: Reason = "timed_out"
        """The reason to announce if the user does not come back."""
        self.offline_since: float | None = None
        """Steady time of the last offline for lack of evidence, to recognise a false one."""
        self.promised: Status | None = None
        """The status that a client was told before the log had it."""
        self.status = record.status
        """The record's status, with the newest `last_seen`."""
        self.told_tags = record.tags
        """The tags as they were announced last."""
        self.logged_state = record.state.state
        """The state in the last event of this user; see the event log."""
        self.window: SlidingWindow | None = None
        """The announcements of the last second. Most users never need one."""
        self.rank = 0

    def name_anew(self, profile: Profile) -> None:
        """Take over the name of a new profile."""
        self.search_key = search_key(profile.username)
        self.name_order = self.search_key, profile.user_id
        """The place in lists that are sorted by name."""

    @property
    def profile(self) -> Profile:
        """How other people see the user."""
        return self.record.profile

    @property
    def claims(self) -> Claims:
        """What the user or a call says about the user's status."""
        return self.record.claims

    @property
    def alive(self) -> bool:
        """Whether the evidence says online. An explicit offline is a claim, and is stronger."""
        return self.record.alive

    @property
    def disabled(self) -> bool:
        """Whether the user is refused everywhere."""
        return self.record.disabled or self.record.rev < self.refused_rev

    @property
    def token_version(self) -> int:
        """Tokens with a lower version are refused."""
        return max(self.record.token_version, self.least_version)

    @property
    def tokens_after(self) -> datetime | None:
        """Tokens without a version that were issued up to this moment are refused."""
        return self.record.tokens_after

    @property
    def kept_login(self) -> str:
        """The login whose tokens stay valid, whatever their version."""
        return self.record.kept_login if self.record.token_version >= self.least_version else self.least_kept_login

    @property
    def state(self) -> CurrentState:
        """The current state, since when and why."""
        return self.record.state

    @property
    def foreign_tokens_after(self) -> datetime | None:
        """Tokens of another program that were issued before this moment are refused."""
        return latest(self.record.foreign_tokens_after, self.refused_before)

    def refuse(
        self,
        token_version: int,
        *,
        kept_login: str = "",
        disabled_rev: int = 0,
        foreign_before: datetime | None = None,
    ) -> None:
        """Refuse tokens at once, as the store does. This does not wait for the log.

        `disabled_rev` is the `rev` of the stored document if that says that the user is disabled.
        """
        if token_version > self.least_version:
            self.least_version, self.least_kept_login = token_version, kept_login
        self.refused_rev = max(self.refused_rev, disabled_rev)
        self.refused_before = latest(self.refused_before, foreign_before)

    def has_evidence(self, now: float) -> bool:
        """Whether this server has signs of life of the user that still count."""
        return self.sessions > 0 or now < max(self.heartbeat_until, self.grace_until)

    def has_heartbeat(self, now: float) -> bool:
        """Whether the last heartbeat over REST still counts."""
        return now < self.heartbeat_until

    def silent_for(self, now: float) -> float:
        """Seconds since the last evidence of the user; 0 with an open socket."""
        return 0.0 if self.sessions or self.is_elsewhere else now - self.evidence_at
