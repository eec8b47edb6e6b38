"""Status: what everyone may know of one user, and the claims it is derived from. Frozen values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from models.errors import Invalid

State = Literal["available", "busy", "offline"]
"""A status in one word. Online is available or busy."""


class Profile(msgspec.Struct, frozen=True):
    """Who a user is, for others."""

    user_id: int
    username: str
    profile_image_url: str | None


class Status(msgspec.Struct, frozen=True):
    """One user's value, the same over REST, sockets and pages. `is_available` is derived and never stored."""

    user_id: int
    username: str
    profile_image_url: str | None
    is_online: bool
    last_seen: datetime
    is_busy: bool
    busy_until: datetime | None
    is_available: bool


class Claims(msgspec.Struct, frozen=True):
    """What a user or a call says about a user, as against evidence, which is what the server saw.

    `set_offline` stands until the next heartbeat. A call stands above a busy set by hand, and when the call ends
    the hand-set busy below it shows again, so the two are kept apart.
    """

    set_offline: bool = False
    set_busy: bool = False
    busy_until: datetime | None = None
    call_id: str | None = None


class CurrentState(msgspec.Struct, frozen=True):
    """The state a user is in, since when, and what led to the present status: an announcement's reason, and who.

    `by` names the operator when the reason is `operator`.
    """

    state: State
    since: datetime
    reason: str
    by: str = ""


def state_of(status: Status) -> State:
    """The status in one word."""
    return "available" if status.is_available else "busy" if status.is_online else "offline"


def status_of(profile: Profile, claims: Claims, *, alive: bool, last_seen: datetime) -> Status:
    """The status that follows from claims and from whether there is evidence of life."""
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
    )


def differs(one: Status, other: Status) -> bool:
    """Whether going from one to the other is news. `last_seen` alone is not: N heartbeats would cost N² deliveries."""
    return (
        one.is_online != other.is_online
        or one.is_busy != other.is_busy
        or one.busy_until != other.busy_until
        or one.username != other.username
        or one.profile_image_url != other.profile_image_url
    )


def utc_milliseconds(moment: datetime) -> datetime:
    """Aware UTC, cut to milliseconds: what every store keeps, so that a value is the same before and after saving."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


class StatusChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A requested change of status. Absent fields stay as they are."""

    is_online: bool | msgspec.UnsetType = msgspec.UNSET
    is_busy: bool | msgspec.UnsetType = msgspec.UNSET
    busy_until: datetime | msgspec.UnsetType | None = msgspec.UNSET


def validated(change: StatusChange, utc: datetime) -> StatusChange:
    """The change with its times cut to milliseconds, and `busy_until` implying busy. Raises Invalid."""
    until = change.busy_until
    if change == StatusChange():
        raise Invalid("Give at least one of is_online, is_busy, busy_until")
    if not isinstance(until, datetime):
        return change
    if change.is_busy is False:
        raise Invalid("busy_until goes with is_busy true")
    if until.tzinfo is None:
        raise Invalid("busy_until needs a time zone, such as Z")
    try:
        until = utc_milliseconds(until)
    except OverflowError:
        raise Invalid("busy_until is out of range") from None
    if until <= utc:
        raise Invalid("busy_until lies in the past")
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
