"""Protocol: every message, command, error code and close code of the sockets, and how they are encoded."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from struct import Struct
from typing import Annotated, Literal

import msgspec

from models.calls import Call
from models.field_types import Tag
from models.status import Status
from settings import FOREIGN_TOKEN_LIMIT, Settings

Channel = Literal["feed", "presence"]
Subscription = Literal["feed", "presence", "stats", "calls"]
Reason = Literal[
    "heartbeat",
    "connected",
    "disconnected",
    "timed_out",
    "set",
    "busy_expired",
    "call_started",
    "call_ended",
    "operator",
]
ErrorCode = Literal["AUTH_ERROR", "RATE_LIMIT_ERROR", "INVALID_MESSAGE_ERROR", "FORBIDDEN_ERROR", "SERVER_ERROR"]

USER_ID_LIMIT = 2**53 - 1
"""The largest integer that JavaScript represents exactly."""

UserId = Annotated[int, msgspec.Meta(ge=1, le=USER_ID_LIMIT)]

ExternalName = Annotated[str, msgspec.Meta(pattern=r"^external:[^\x00]{1,128}$(?!\n)")]
"""The id that a user has in another program."""


Stamp = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
"""A timestamp of the client's own, in any form without control characters."""


class CloseCode(IntEnum):
    """Why a socket ended. Below 4500 clients reconnect with backoff; from 4500 on only after something has changed."""

    NORMAL = 1000
    """Only sent by clients. The published sample client does not reconnect after 1000, so the server never sends it."""
    PROTOCOL_ERROR = 1002
    """A frame broke RFC 6455. A client library does not send such frames."""
    TOO_BIG = 1009
    RESTART = 1012
    TRY_LATER = 1013
    UNRESPONSIVE = 4000
    SLOW_CONSUMER = 4002
    RATE_LIMITED = 4003
    TOKEN_EXPIRED = 4401
    REFUSED = 4500
    REVOKED = 4501
    REPLACED = 4503
    PROTOCOL_VIOLATION = 4504


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """A command from a client."""


class Ping(Command, frozen=True, tag="ping"):
    """Answered by `pong`. The timestamp is the client's own and is returned unchanged."""

    timestamp: Stamp | int | float | None = None


class Heartbeat(Command, frozen=True, tag="heartbeat"):
    """Answered by `heartbeat_ack`. Brings back a user who was explicitly set offline."""


class Subscribe(Command, frozen=True, tag="subscribe"):
    """Answered by `subscription_confirmed`, then by a snapshot if requested.

    `user_ids` and `tags` limit the subscription to users with one of the ids who have one of the tags.
    """

    subscription: Subscription
    user_ids: list[UserId | ExternalName] | None = None
    snapshot: bool | None = None
    updates_only: bool | None = None
    tags: list[Tag] | None = None

    @property
    def wants_snapshot(self) -> bool:
        """`updates_only` is the opposite of `snapshot`."""
        return self.snapshot is True or (self.snapshot is None and self.updates_only is False)


class Unsubscribe(Command, frozen=True, tag="unsubscribe"):
    """Answered by `unsubscription_confirmed`."""

    subscription: Subscription


class Refresh(Command, frozen=True, tag="refresh"):
    """Replaces the access token with a new one for the same user. Answered by `token_refreshed`."""

    token: str


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """A message from the server."""


class ConnectionEstablished(Message, frozen=True, tag="connection_established"):
    """The first message of every session. All updates after it are in the order of `seq`.

    `user_id` is null on a socket that was opened with a service key: a backend watches, and is no user.
    """

    message: str
    user_id: int | None
    channel: Channel
    session_id: str
    epoch: str
    seq: int
    server_time: datetime
    heartbeat_interval: int
    resumed: bool
    command_burst: int
    commands_per_second: float


class UserStatusUpdate(Message, frozen=True, tag="user_status_update"):
    """A user's status: the user's own after connecting, then anyone's whenever it changes."""

    user_id: int
    status: Status
    seq: int
    reason: Reason


class UserRemoved(Message, frozen=True, tag="user_removed"):
    """A user was deleted, or no longer has a tag by which this socket watches."""

    user_id: int
    seq: int


class FeedCounts(msgspec.Struct, frozen=True):
    """The numbers of users and calls in the feed. `online` is `available` plus `busy`."""

    total_users: int
    online: int
    available: int
    busy: int
    ongoing_calls: int


class FeedStats(Message, frozen=True, tag="feed_stats"):
    """The numbers of users and calls, sent when they have changed."""

    stats: FeedCounts
    seq: int


class CallStatusUpdate(Message, frozen=True, tag="call_status_update"):
    """A call of the receiving user started or ended."""

    call: Call


class Snapshot(Message, frozen=True, tag="snapshot"):
    """All users of the subscription as of `seq`, in pages. On the last page `more` is false."""

    subscription: Subscription
    seq: int
    users: list[Status]
    more: bool


class ResumeComplete(Message, frozen=True, tag="resume_complete"):
    """A resumed session has received every change up to `seq`. A snapshot ends with `more: false` instead."""

    seq: int


class Pong(Message, frozen=True, tag="pong"):
    """Reply to `ping`."""

    timestamp: str | int | float
    server_time: datetime


class HeartbeatAck(Message, frozen=True, tag="heartbeat_ack"):
    """Reply to `heartbeat`. `status` is null on a socket that was opened with a service key."""

    status: Status | None
    server_time: datetime


class SubscriptionConfirmed(Message, frozen=True, tag="subscription_confirmed"):
    """Reply to `subscribe`."""

    subscription: Subscription


class UnsubscriptionConfirmed(Message, frozen=True, tag="unsubscription_confirmed"):
    """Reply to `unsubscribe`."""

    subscription: Subscription


class TokenRefreshed(Message, frozen=True, tag="token_refreshed"):
    """Reply to `refresh`."""

    expires_at: datetime


class TokenExpiring(Message, frozen=True, tag="token_expiring"):
    """The token expires soon. A `refresh` keeps the socket open."""

    expires_at: datetime


class ServerDraining(Message, frozen=True, tag="server_draining"):
    """The server is about to close this socket. Reconnect after the delay, which differs between clients."""

    reconnect_after_ms: int


class Error(Message, frozen=True, tag="error"):
    """A command was refused. The socket stays open unless a close frame follows."""

    message: str
    code: ErrorCode


AnyCommand = Ping | Heartbeat | Subscribe | Unsubscribe | Refresh
_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_encoder = msgspec.json.Encoder()

_MEDIUM = Struct(">BBH")
"""The head of a frame whose length takes two bytes."""

_TEXT = 0x81
"""FIN and the opcode for text, RFC 6455 §5.2."""

_AROUND_A_TOKEN_BYTES = 256
"""The rest of a `refresh`, with spaces as some encoders write them."""

PING_FRAME = b"\x89\x00"
"""A ping without payload, RFC 6455 §5.5.2, the same for everyone."""


def longest_message(settings: Settings) -> int:
    """The most bytes of a message that are read. With tokens of another issuer, that is the longest `refresh`.

    Other messages may still not have more than `message_limit_bytes`.
    """
    if not settings.foreign_token_keys:
        return settings.message_limit_bytes
    return max(settings.message_limit_bytes, FOREIGN_TOKEN_LIMIT + _AROUND_A_TOKEN_BYTES)


def decode(text: str) -> AnyCommand:
    """The command in a message. Raises ValueError if it is not a valid one."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        raise ValueError("Invalid message format") from None


def encode(message: Message) -> bytes:
    """A message as a frame that is ready to write."""
    return frame(_encoder.encode(message))


def frame(payload: bytes, head: int = _TEXT) -> bytes:
    """An unmasked text frame around a payload (RFC 6455 §5.2), built once for all receivers."""
    size = len(payload)
    if size < 126:
        return bytes((head, size)) + payload
    if size < 65536:
        return _MEDIUM.pack(head, 126, size) + payload
    return bytes((head, 127)) + size.to_bytes(8, "big") + payload
