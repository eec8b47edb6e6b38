"""Claims: what a user may ask of the own status, checked, and the claims that follow."""

from __future__ import annotations

from datetime import datetime

import msgspec

from models.errors import Invalid
from models.status import Claims, utc_milliseconds
from models.users import StoredUser


class StatusChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user asks of the own status. Absent fields stay as they are."""

    is_online: bool | msgspec.UnsetType = msgspec.UNSET
    is_busy: bool | msgspec.UnsetType = msgspec.UNSET
    busy_until: datetime | msgspec.UnsetType | None = msgspec.UNSET


def claims_of(user: StoredUser, utc: datetime) -> Claims:
    """The claims of a stored user. A heartbeat after an explicit offline ended it; a busy_until in the past, busy."""
    by_hand, beat = user.offline_set_at, user.heartbeat_at
    busy = user.set_busy and (user.busy_until is None or user.busy_until > utc)
    return Claims(
        set_offline=by_hand is not None and (beat is None or by_hand >= beat),
        set_busy=busy,
        busy_until=user.busy_until if busy else None,
    )


def validated(change: StatusChange, utc: datetime) -> StatusChange:
    """The change with its times made exact and `busy_until` implying busy. Raises Invalid."""
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
    """The claims with a validated change made to them."""
    set_offline = claims.set_offline if wanted.is_online is msgspec.UNSET else not wanted.is_online
    set_busy = claims.set_busy if wanted.is_busy is msgspec.UNSET else wanted.is_busy
    until = claims.busy_until
    if wanted.busy_until is not msgspec.UNSET:
        until = wanted.busy_until
    elif wanted.is_busy is not msgspec.UNSET:
        until = None
    return Claims(set_offline, set_busy, until if set_busy else None, claims.call_id)
