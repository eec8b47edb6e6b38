"""Times: moments with millisecond precision, and the same moments as milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MILLISECOND = timedelta(milliseconds=1)


def utc_milliseconds(moment: datetime) -> datetime:
    """An aware moment in UTC, cut to milliseconds. Both stores keep that much, so saving never changes a value."""
    beyond = moment.microsecond % 1000
    if moment.tzinfo is UTC and not beyond:
        return moment
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond - beyond)


def milliseconds(moment: datetime) -> int:
    """An aware moment as whole milliseconds since 1970."""
    return (moment - EPOCH) // _MILLISECOND


def from_milliseconds(count: int) -> datetime:
    """The moment in UTC that lies this many milliseconds after 1970."""
    return EPOCH + count * _MILLISECOND
