"""Call statistics: how many calls of each type ended how, and how long they lasted."""

from __future__ import annotations

import math
from collections import Counter
from typing import get_args

from models.calls import Call, CallState, CallType
from models.timed_list import TimedList

CALL_TYPES: tuple[CallType, ...] = get_args(CallType)
CALL_STATES: tuple[CallState, ...] = get_args(CallState)

COUNTED_BY = ("call_type", "status", "duration_seconds")
"""The fields of a call that matter here."""


class CallNumbers:
    """Some calls: their number, and the lengths of those that have ended.

    Of all calls of the same length, only the number is kept. So a million calls take as much memory as the number of
    different lengths, in whole seconds.
    """

    def __init__(self) -> None:
        self.number = 0
        self._lengths: Counter[int] = Counter()

    def add(self, number: int, seconds: int | None) -> None:
        """Add calls of one length; None if it is not known yet."""
        self.number += number
        if seconds is not None:
            self._lengths[seconds] += number

    @property
    def median(self) -> float | None:
        """Seconds, or None if no call has ended."""
        return self.percentile(50)

    @property
    def percentile_95(self) -> float | None:
        """Seconds. Of all calls that have ended, 95 % were as long or shorter."""
        return self.percentile(95)

    def percentile(self, percent: int) -> float | None:
        """Between the two nearest lengths, linearly, as PERCENTILE and MEDIAN of spreadsheets do."""
        ended = self._lengths.total()
        if ended == 0:
            return None
        place = (ended - 1) * percent / 100
        lower, upper = self._at(math.floor(place)), self._at(math.ceil(place))
        return lower + (upper - lower) * (place - math.floor(place))

    def _at(self, place: int) -> int:
        """The length at a place of all lengths in order."""
        passed = 0
        for seconds in sorted(self._lengths):
            passed += self._lengths[seconds]
            if passed > place:
                return seconds
        raise IndexError(place)


class CallStatistics:
    """The numbers of all calls, of each type, of each outcome, and of each type with each outcome."""

    def __init__(self) -> None:
        self._numbers = {
            (call_type, state): CallNumbers() for call_type in (None, *CALL_TYPES) for state in (None, *CALL_STATES)
        }

    def add(self, call_type: object, state: object, seconds: object, number: int) -> None:
        """Add calls that have these in common. Those that another program wrote wrongly are left out, as from lists."""
        if call_type not in CALL_TYPES or state not in CALL_STATES:
            return
        length = seconds if isinstance(seconds, int) and seconds >= 0 and state != "ongoing" else None
        for each_type in (None, call_type):
            for each_state in (None, state):
                self._numbers[each_type, each_state].add(number, length)

    def of(self, call_type: CallType | None = None, state: CallState | None = None) -> CallNumbers:
        """The numbers of a type and an outcome. None stands for all."""
        return self._numbers[call_type, state]


async def statistics_of(calls: TimedList[Call]) -> CallStatistics:
    """The statistics of all calls of a list. Raises StoreUnavailable."""
    statistics = CallStatistics()
    async for part in calls.counts_by(COUNTED_BY):
        for (call_type, state, seconds), number in part:
            statistics.add(call_type, state, seconds, number)
    return statistics
