"""Local time: a time as somebody types it, and the moments at which clocks in a zone show it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from handlers.admin.moments import date_in_words
from models.errors import Invalid
from models.times import utc_milliseconds

EARLIEST, LATEST = datetime(1, 1, 3), datetime(9999, 12, 29, 23, 59)  # noqa: DTZ001
"""Earlier and later times become these, since no zone's date may lie outside the years 1 to 9999."""

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ](?P<time>[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?)(?P<offset>Z|[ +-][0-9]{2}:?[0-9]{2}(:[0-9]{2})?)?)?"
)

_EXAMPLE = "2026-11-26T14:05"


class LocalTime:
    """A time in a zone. Where clocks go back it exists twice, and where they skip an hour, it never does."""

    def __init__(self, name: str, text: str, zone: tzinfo, *, is_end: bool = False) -> None:
        """An offset behind the time takes the place of the zone. A date alone is its beginning, or its end.

        Raises Invalid, with the name of the parameter or of its field, if the text is not a time.
        """
        self._shown, offset = _parsed(name, text, is_end=is_end)
        self._zone = offset or zone
        self.first, self.second = self._moment(fold=0), self._moment(fold=1)

    @property
    def is_twice(self) -> bool:
        """Clocks showed it at `first`, went back, and showed it again at `second`."""
        return self.first < self.second

    @property
    def is_skipped(self) -> bool:
        """Clocks never showed it, because they went forward at `change`."""
        return self.second < self.first

    @property
    def earliest(self) -> datetime:
        """The first moment at which clocks showed this time or a later one."""
        return self.change if self.is_skipped else self.first

    @property
    def latest(self) -> datetime:
        """The last one."""
        return self.change if self.is_skipped else self.second

    @property
    def change(self) -> datetime:
        """The moment at which clocks skipped this time."""
        before, after = self.second.replace(second=0, microsecond=0), self.first.replace(second=0, microsecond=0)
        after += timedelta(minutes=1)
        old = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if middle.astimezone(self._zone).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after

    def note(self) -> str:
        """What to tell about a time that clocks skipped or showed twice. Otherwise empty."""
        day, time = date_in_words(self._shown), f"{self._shown:%H:%M}"
        if self.is_skipped:
            there = f"{self.change.astimezone(self._zone):%H:%M}"
            return f"Clocks in {self._zone} skipped {time} on {day}. The next time that they showed, {there}, is used."
        if self.is_twice:
            return f"Clocks in {self._zone} went back on {day} and showed {time} twice. This is the first time."
        return ""

    def _moment(self, *, fold: int) -> datetime:
        return utc_milliseconds(self._shown.replace(tzinfo=self._zone, fold=fold))


def _parsed(name: str, text: str, *, is_end: bool) -> tuple[datetime, tzinfo | None]:
    """The time without a zone, and the offset behind it."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        offset = (found["offset"] or "").replace(" ", "+")  # a "+" that was not encoded has become a space
        time = (found["time"] or "00:00").replace(",", ".")
        parsed = datetime.fromisoformat(f"{found['date']}T{time}{offset}")
    except ValueError:
        raise Invalid(f"“{text}” is not a date and time. Give “{name}” a time such as {_EXAMPLE}.") from None
    shown = min(max(parsed.replace(tzinfo=None), EARLIEST), LATEST)
    if is_end and not found["time"]:
        shown = min(shown + timedelta(days=1), LATEST)
    return shown, parsed.tzinfo
