"""Operator messages: what is sent to operators' sockets. Clients' messages are in `realtime/protocol.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from models.operators import Role
from realtime.dashboard.rows import (
    CallDetails,
    CallRow,
    EventDetails,
    EventRow,
    Figures,
    Issue,
    SampleRow,
    SessionRow,
    UserRow,
)
from realtime.protocol import frame

PIECE_BYTES = 16 * 1024
"""Longer messages are sent in fragments of this size. Each fragment that a peer takes shows that it still reads."""

_FIRST, _MIDDLE, _LAST = 0x01, 0x00, 0x80
"""The opcodes and FIN bit of a fragmented text, RFC 6455 §5.4."""


class OperatorMessage(msgspec.Struct, frozen=True, tag_field="type"):
    """A message from the server to operators."""


class OperatorConnected(OperatorMessage, frozen=True, tag="connection_established"):
    """The first message on an operator's socket."""

    message: str
    operator: str
    """The name of the operator, or of the screen."""
    role: Role | Literal["screen"]
    session_id: str
    epoch: str
    seq: int
    server_time: datetime
    heartbeat_interval: int
    version: str
    """The version of the dashboard's static files. If it differs from the page's own, the page is outdated."""
    channel: Literal["operators"] = "operators"
    resumed: bool = False
    """Whether the updates go on from the overview that the page got over HTTP. Otherwise an `overview` follows."""


class OverviewMessage(OperatorMessage, frozen=True, tag="overview"):
    """Everything as of `seq`. Users are UserRows, already encoded."""

    seq: int
    now: int
    figures: Figures
    users: list[msgspec.Raw]
    calls: list[CallRow]
    history: list[SampleRow]
    events: list[EventRow]
    """Newest first."""
    contradictions: list[Issue]
    feed: str | msgspec.UnsetType = msgspec.UNSET
    """Over HTTP: what the page asks its socket to go on from, together with `seq`."""


class OverviewUpdate(OperatorMessage, frozen=True, tag="overview_update"):
    """What differs from `seq` − 1. Absent fields have not changed."""

    seq: int
    now: int
    figures: Figures | msgspec.UnsetType = msgspec.UNSET
    users: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    removed: list[int] | msgspec.UnsetType = msgspec.UNSET
    """The ids of users who were deleted."""
    heard: list[tuple[int, int]] | msgspec.UnsetType = msgspec.UNSET
    """(user id, last seen) of users of whom nothing else has changed."""
    calls: list[CallRow] | msgspec.UnsetType = msgspec.UNSET
    """New calls, and calls with a participant who was renamed."""
    ended: list[str] | msgspec.UnsetType = msgspec.UNSET
    """The ids of calls that have ended."""
    samples: list[SampleRow] | msgspec.UnsetType = msgspec.UNSET
    events: list[EventRow] | msgspec.UnsetType = msgspec.UNSET
    """Oldest first."""
    all_events: list[EventRow] | msgspec.UnsetType = msgspec.UNSET
    """In place of those before, newest first: they do not name deleted users."""
    contradictions: list[Issue] | msgspec.UnsetType = msgspec.UNSET
    """All issues, not only new ones."""


class SubjectMessage(OperatorMessage, frozen=True, tag="subject"):
    """What a page about one user, one call or some of the events shows. Fields of other kinds of pages are absent."""

    seq: int
    now: int
    complete_since: int
    """`events` has every event after this moment."""
    events: list[EventDetails]
    """The latest ones, oldest first."""
    attention: int
    """How many issues nobody deals with, of all users and calls."""
    user: UserRow | msgspec.UnsetType | None = msgspec.UNSET
    """None if the user was deleted."""
    sessions: list[SessionRow] | msgspec.UnsetType = msgspec.UNSET
    call: CallDetails | msgspec.UnsetType | None = msgspec.UNSET
    """The call, or the user's ongoing call."""
    issues: list[Issue] | msgspec.UnsetType = msgspec.UNSET


class SubjectUpdate(OperatorMessage, frozen=True, tag="subject_update"):
    """What differs from `seq` − 1. Absent fields have not changed."""

    seq: int
    now: int
    events: list[EventDetails] | msgspec.UnsetType = msgspec.UNSET
    """New ones, oldest first."""
    outdated: bool | msgspec.UnsetType = msgspec.UNSET
    """Names of deleted users have disappeared from events that were sent before."""
    attention: int | msgspec.UnsetType = msgspec.UNSET
    user: UserRow | msgspec.UnsetType | None = msgspec.UNSET
    sessions: list[SessionRow] | msgspec.UnsetType = msgspec.UNSET
    call: CallDetails | msgspec.UnsetType | None = msgspec.UNSET
    issues: list[Issue] | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()


def encode_message(message: OperatorMessage) -> bytes:
    """A message as JSON."""
    return _encoder.encode(message)


def encode_pieces(message: OperatorMessage) -> list[bytes]:
    """A message as one frame or several. Pongs and close frames may go between fragments."""
    payload = encode_message(message)
    if len(payload) <= PIECE_BYTES:
        return [frame(payload)]
    parts = [payload[start : start + PIECE_BYTES] for start in range(0, len(payload), PIECE_BYTES)]
    return [
        frame(parts[0], _FIRST),
        *(frame(part, _MIDDLE) for part in parts[1:-1]),
        frame(parts[-1], _LAST),
    ]
