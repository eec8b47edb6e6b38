"""Event: one change, as a webhook tells of it."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec

from models.calls import Call
from models.status import Status
from realtime.dashboard.rows import IssueKind
from realtime.presence.registry import Registry

EventType = Literal[
    "status.changed", "call.started", "call.ended", "user.created", "user.deleted", "operator.acted",
    "attention.started", "attention.acknowledged", "attention.ended",
]  # fmt: skip

DIGEST_BYTES = 8
"""Two different statuses of one user have the same digest once in 2^64."""


class UserRef(msgspec.Struct, frozen=True):
    """A user, by id and name, and by the id in another program if there is one."""

    user_id: int
    username: str
    external_id: str | msgspec.UnsetType = msgspec.UNSET


class StatusData(msgspec.Struct, frozen=True):
    """The status of a user who was created, or whose status changed. `reason` is that of the sockets' message."""

    user_id: int
    status: Status
    reason: str | msgspec.UnsetType = msgspec.UNSET
    operator: str | msgspec.UnsetType = msgspec.UNSET
    """The operator who caused the change, if one did."""


class CallData(msgspec.Struct, frozen=True):
    """A call that started or ended."""

    call: Call
    caller: UserRef
    callee: UserRef


class DeletedData(msgspec.Struct, frozen=True):
    """A user who was deleted. The name is gone."""

    user_id: int
    external_id: str | msgspec.UnsetType = msgspec.UNSET


class ActionData(msgspec.Struct, frozen=True):
    """What an operator did, and to whom."""

    action: str
    operator: str
    users: list[UserRef]


class AcknowledgedData(msgspec.Struct, frozen=True):
    """The operator who deals with an issue, and until when."""

    operator: str
    until: datetime


class IssueData(msgspec.Struct, frozen=True):
    """Something that needs attention. `key` identifies it for as long as it lasts."""

    key: str
    kind: IssueKind
    text: str
    """What was wrong when this was noted first, as a sentence."""
    since: datetime
    users: list[UserRef]
    call_id: str | msgspec.UnsetType = msgspec.UNSET
    acknowledged: AcknowledgedData | msgspec.UnsetType = msgspec.UNSET
    """Not there if nobody deals with it."""


EventData = StatusData | CallData | DeletedData | ActionData | IssueData


class WebhookEvent(msgspec.Struct, frozen=True):
    """One event. `seq` is the number that the feed had reached, in this epoch."""

    id: str
    type: EventType
    timestamp: datetime
    epoch: str
    seq: int
    data: EventData

    @property
    def subject(self) -> int | tuple[str, EventType] | None:
        """What the event tells of: a user, or one end of a call."""
        match self.data:
            case StatusData() | DeletedData():
                return self.data.user_id
            case CallData():
                return self.data.call.call_id, self.type
        return None


def user_ref(registry: Registry, user_id: int) -> UserRef:
    """The user, also one that is gone."""
    entry = registry.find(user_id)
    external_id = entry.profile.external_id if entry else None
    return UserRef(user_id, registry.name(user_id), unset_if_none(external_id))


def changed_data(status: Status, reason: str, by: str) -> StatusData:
    """A changed status. `by` is the operator, if the reason is one."""
    return StatusData(status.user_id, status, reason, by if by and reason == "operator" else msgspec.UNSET)


def deleted_data(user_id: int, external_id: str | None) -> DeletedData:
    """A user who was deleted."""
    return DeletedData(user_id, unset_if_none(external_id))


def unset_if_none(text: str | None) -> str | msgspec.UnsetType:
    """The text, or nothing at all."""
    return msgspec.UNSET if text is None else text


def call_data(registry: Registry, call: Call) -> CallData:
    """A call with its participants' names."""
    return CallData(call, user_ref(registry, call.caller_id), user_ref(registry, call.callee_id))


def external_id_of(status: Status) -> str | None:
    """The user's id in another program."""
    return None if status.external_id is msgspec.UNSET else status.external_id


def digest(status: Status) -> str:
    """A short text that differs if the statuses of one user differ in more than `last_seen`."""
    told = (
        status.is_online, status.is_busy, status.busy_until, status.username, status.profile_image_url,
        external_id_of(status),
    )  # fmt: skip
    return blake2b(msgspec.json.encode(told), digest_size=DIGEST_BYTES).hexdigest()
