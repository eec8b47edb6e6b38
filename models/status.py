"""Status: what everyone may know about a user, and the claims it is derived from. All values are frozen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from models.errors import Invalid
from models.times import utc_milliseconds

BUSY_UNTIL_LIMIT = datetime(2200, 1, 1, tzinfo=UTC)
"""Arithmetic with later moments, such as the year 9999 in another time zone, could overflow."""

State = Literal["available", "busy", "offline"]
"""A status in one word. A user who is online is either available or busy."""


class Profile(msgspec.Struct, frozen=True, gc=False):
    """How other people see a user."""

    user_id: int
    username: str
    profile_image_url: str | None
    external_id: str | None = None
    """The id that the user has in another program, if that program made the user."""


class Status(msgspec.Struct, frozen=True, gc=False):
    """One user's status, the same over HTTP, on sockets and on pages. `is_available` is derived and never stored."""

    user_id: int
    username: str
    profile_image_url: str | None
    is_online: bool
    last_seen: datetime
    is_busy: bool
    busy_until: datetime | None
    is_available: bool
    external_id: str | msgspec.UnsetType = msgspec.UNSET
    """Left out of messages for users who have none."""


class Claims(msgspec.Struct, frozen=True, gc=False):
    """What a user or a call says about the user's status. Evidence, in contrast, is what the server observed.

    `set_offline` lasts until the next heartbeat. A call overrides a busy status set by hand. When the call ends, the
    busy status set by hand applies again, so the two are separate fields.
    """

    set_offline: bool = False
    set_busy: bool = False
    busy_until: datetime | None = None
    call_id: str | None = None


class CurrentState(msgspec.Struct, frozen=True, gc=False):
    """A user's current state, when it began, and the announcement reason that led to the current status.

    `by` names the operator if the reason is `operator`.
    """

    state: State
    since: datetime
    reason: str
    by: str = ""


def state_of(status: Status) -> State:
    """The state that a status amounts to."""
    return "available" if status.is_available else "busy" if status.is_online else "offline"


def status_of(profile: Profile, claims: Claims, *, alive: bool, last_seen: datetime) -> Status:
    """The status that follows from the claims and from whether the user is alive, according to the evidence."""
    online = alive and not claims.set_offline
    busy = claims.set_busy or claims.call_id is not None
    return Status(
        user_id=profile.user_id,
        username=profile.username,
        profile_image_url=profile.profile_image_url,
        is_online=online,
        last_seen=last_seen,
        is_busy=busy,
        busy_until=claims.busy_until if claims.call_id is None else None,
        is_available=online and not busy,
        external_id=msgspec.UNSET if profile.external_id is None else profile.external_id,
    )


def differs(one: Status, other: Status) -> bool:
    """Whether a change has to be announced. `last_seen` alone has not: N heartbeats would cause N² deliveries."""
    return (
        one.is_online != other.is_online
        or one.is_busy != other.is_busy
        or one.busy_until != other.busy_until
        or one.username != other.username
        or one.profile_image_url != other.profile_image_url
    )


class StatusChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A requested change of status. Omitted fields stay unchanged."""

    is_online: bool | msgspec.UnsetType = msgspec.UNSET
    is_busy: bool | msgspec.UnsetType = msgspec.UNSET
    busy_until: datetime | msgspec.UnsetType | None = msgspec.UNSET


def validated(change: StatusChange, utc: datetime) -> StatusChange:
    """The change with its times cut to milliseconds, and `busy_until` implying busy. Raises Invalid."""
    until = change.busy_until
    if change == StatusChange():
        raise Invalid("Give at least one of is_online, is_busy and busy_until.")
    if not isinstance(until, datetime):
        return change
    if change.is_busy is False:
        raise Invalid("busy_until requires is_busy to be true.")
    if until.tzinfo is None:
        raise Invalid("busy_until needs a time zone, such as Z.")
    try:
        until = utc_milliseconds(until)
    except OverflowError:
        raise Invalid("busy_until is out of range.") from None
    if until >= BUSY_UNTIL_LIMIT:
        raise Invalid(f"busy_until must be before the year {BUSY_UNTIL_LIMIT.year}.")
    if until <= utc:
        raise Invalid("busy_until is in the past.")
    return msgspec.structs.replace(change, is_busy=True, busy_until=until)


def applied(claims: Claims, wanted: StatusChange) -> Claims:
    """The claims after a validated change."""
    set_offline = claims.set_offline if wanted.is_online is msgspec.UNSET else not wanted.is_online
    set_busy = claims.set_busy if wanted.is_busy is msgspec.UNSET else wanted.is_busy
    until = claims.busy_until
    if wanted.busy_until is not msgspec.UNSET:
        until = wanted.busy_until
    elif wanted.is_busy is not msgspec.UNSET:
        until = None
    return Claims(set_offline, set_busy, until if set_busy else None, claims.call_id)
