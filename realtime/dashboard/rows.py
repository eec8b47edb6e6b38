"""Rows: what operators see of users, calls and issues. Frozen values, the same on pages and over the socket.

Times are milliseconds since 1970, UTC; a page counts from them by the server's clock. Fields at their default are
left out over the socket.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from models.calls import CallState
from models.status import State

ActionName = Literal[
    "force_offline", "disconnect", "sign_out", "clear_busy", "end_call",
    "enable_user", "disable_user", "delete_user", "set_password", "add_tag", "remove_tag",
]  # fmt: skip

ACCOUNT_ACTIONS: tuple[ActionName, ...] = ("enable_user", "disable_user", "delete_user", "set_password")
"""The actions that only admins may carry out."""

TAG_ACTIONS: tuple[ActionName, ...] = ("add_tag", "remove_tag")
"""The actions that need a tag."""

ACTION_LABELS: dict[ActionName, str] = {
    "force_offline": "Force offline",
    "disconnect": "Disconnect",
    "sign_out": "Sign out everywhere",
    "clear_busy": "Clear busy",
    "end_call": "End call",
    "enable_user": "Enable user",
    "disable_user": "Disable user",
    "delete_user": "Delete user",
    "set_password": "Set password",
    "add_tag": "Add tag",
    "remove_tag": "Remove tag",
}
"""The actions as buttons and headings show them."""

CUTTING: frozenset[ActionName] = frozenset(
    {"force_offline", "disconnect", "sign_out", "end_call", "disable_user", "delete_user"}
)
"""Actions that end or cut something. Only their buttons are red."""

IssueKind = Literal[
    "busy_without_cause", "busy_until_past", "call_with_offline", "long_call", "two_calls", "silent_socket", "flapping"
]


ISSUE_LABELS: dict[IssueKind, str] = {
    "busy_without_cause": "Busy without a cause",
    "busy_until_past": "“Busy until” has passed",
    "call_with_offline": "Participant of a call is offline",
    "long_call": "Long call",
    "two_calls": "In two calls at once",
    "silent_socket": "Silent connection",
    "flapping": "State keeps changing",
}
"""The kinds of issues, as pages name them."""


AGO = " ago"
"""The tail of an explanation that says how long ago something was."""


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a user is in a state: a text, perhaps followed by a running time, perhaps followed by more text.

    `counts`: `up` shows the time since `at`, `down` the time left until `at`, `clock` the time of day at `at`.
    """

    text: str
    at: int | None = None
    counts: Literal["up", "down", "clock"] = "up"
    tail: str = ""


class UserRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One user in the list."""

    user_id: int
    username: str
    state: State
    since: int
    """When the state began."""
    heard: int
    """When the user was last seen."""
    because: Explanation
    device: str = ""
    """The device of the newest socket."""
    sockets: int = 0
    image: str = ""
    """An https URL, or empty."""
    call_id: str = ""
    waiting: str = ""
    """The action that waits for the end of the call, such as “force offline, by maya”."""
    disabled: bool = False
    tags: tuple[str, ...] = ()
    set_busy: bool = False
    """Whether the user set a busy status, which may be hidden by a call or by being offline."""


class CallRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ongoing call."""

    call_id: str
    caller_id: int
    caller_name: str
    callee_id: int
    callee_name: str
    call_type: str
    started_at: int


class OnIt(msgspec.Struct, frozen=True):
    """The operator who deals with an issue, and from when until when."""

    operator: str
    at: int
    until: int


class Issue(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that needs attention: what is wrong, since when, and which action repairs it."""

    key: str
    """Identifies the issue for as long as it lasts."""
    kind: IssueKind
    because: Explanation
    since: int
    username: str
    """The name of the user, or of both participants of a call."""
    repair: ActionName
    effect: str
    """What the repair will change."""
    user_id: int = 0
    call_id: str = ""
    session_id: str = ""
    also: tuple[Explanation, ...] = ()
    """What else is wrong with the same call, in words that follow those of `because` in one sentence."""
    also_kinds: tuple[IssueKind, ...] = ()
    """The kinds of these."""
    changes: int = 0
    """How often the state of a flapping user changed."""
    acknowledged: OnIt | None = None


class Figures(msgspec.Struct, frozen=True):
    """The five figures."""

    available: int
    busy: int
    offline: int
    calls: int
    attention: int


class SampleRow(msgspec.Struct, frozen=True, array_like=True):
    """The figures at one moment, for the chart: [at, available, busy, offline, calls]."""

    at: int
    available: int
    busy: int
    offline: int
    calls: int


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event, as a sentence."""

    event_id: str
    at: int
    kind: str
    text: str
    user_id: int = 0
    call_id: str = ""


class EventDetails(EventRow, frozen=True, omit_defaults=True):
    """One event with what the Events page says of it."""

    username: str = ""
    cause: str = ""
    operator: str = ""
    """The operator who caused it."""


class CallDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call, ongoing or ended."""

    call_id: str
    caller_id: int
    caller_name: str
    callee_id: int
    callee_name: str
    call_type: str
    started_at: int
    status: CallState
    ended_at: int = 0
    ended_by: str = ""
    """The name of the participant or operator who ended it; empty if the server did."""
    ended_by_id: int = 0
    """The participant who ended it, or 0."""
    why: str = ""
    """Why it ended."""


class SessionRow(msgspec.Struct, frozen=True):
    """One socket of a user."""

    session_id: str
    channel: str
    device: str
    address: str
    opened_at: int
    heard_at: int
    server: str = ""
    """The server that has it, if there are several."""
