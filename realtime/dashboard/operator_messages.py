"""Operator messages: what goes over the sockets of the channel `operators`, as against clients' in `protocol`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from models.operators import Role
from realtime.dashboard.rows import CallRow, EventRow, Figures, Issue, SampleRow
from realtime.protocol import frame

PIECE_BYTES = 16 * 1024
"""Longer messages go in fragments of this size: each that a peer takes is a sign that it still reads."""

_FIRST, _MIDDLE, _LAST = 0x01, 0x00, 0x80
"""Opcodes and FIN of the fragments of a text, RFC 6455 §5.4."""


class OperatorMessage(msgspec.Struct, frozen=True, tag_field="type"):
    """What the server sends to operators."""


class OperatorConnected(OperatorMessage, frozen=True, tag="connection_established"):
    """First message on an operator's socket; an `overview` follows."""

    message: str
    operator: str
    role: Role
    session_id: str
    epoch: str
    seq: int
    server_time: datetime
    heartbeat_interval: int
    version: str
    """Of the dashboard's files: another one than the page's own means that the page is old."""
    channel: Literal["operators"] = "operators"
    resumed: Literal[False] = False


class OverviewMessage(OperatorMessage, frozen=True, tag="overview"):
    """Everything, as of `seq`. Users are UserRows, encoded before."""

    seq: int
    now: int
    figures: Figures
    users: list[msgspec.Raw]
    calls: list[CallRow]
    history: list[SampleRow]
    events: list[EventRow]
    """Latest first."""
    contradictions: list[Issue]


class OverviewUpdate(OperatorMessage, frozen=True, tag="overview_update"):
    """What is other than at `seq` − 1. What is absent is as it was."""

    seq: int
    now: int
    figures: Figures | msgspec.UnsetType = msgspec.UNSET
    users: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    heard: list[tuple[int, int]] | msgspec.UnsetType = msgspec.UNSET
    """(user id, last sign of life) of users of whom nothing else changed."""
    calls: list[CallRow] | msgspec.UnsetType = msgspec.UNSET
    """New ones, and those of which a name changed."""
    ended: list[str] | msgspec.UnsetType = msgspec.UNSET
    """The ids of calls that are over."""
    samples: list[SampleRow] | msgspec.UnsetType = msgspec.UNSET
    events: list[EventRow] | msgspec.UnsetType = msgspec.UNSET
    """Oldest first."""
    contradictions: list[Issue] | msgspec.UnsetType = msgspec.UNSET
    """All of them."""


_encoder = msgspec.json.Encoder()


def encode_pieces(message: OperatorMessage) -> list[bytes]:
    """A message as one frame, or as several: between fragments there is room for pongs and closes."""
    payload = _encoder.encode(message)
    if len(payload) <= PIECE_BYTES:
        return [frame(payload)]
    parts = [payload[start : start + PIECE_BYTES] for start in range(0, len(payload), PIECE_BYTES)]
    return [
        frame(parts[0], _FIRST),
        *(frame(part, _MIDDLE) for part in parts[1:-1]),
        frame(parts[-1], _LAST),
    ]
