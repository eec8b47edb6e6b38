"""Event ids: ids that sort in the order in which events happened."""

from __future__ import annotations

from collections.abc import Callable

from models.shared_log import entry_order
from models.times import milliseconds
from realtime.clock import Clock

_AFTER_IDS = "~"
"""Follows every character of an id."""


class EventIds:
    """Gives out ids that sort after all earlier ones, also if the clock goes back.

    An event's id comes from the entry of the shared log that it tells of, so it is the same on every server. The entry
    is the one that `entry_id` returns. A server that is alone has no such ids: it counts, and `tag` keeps its events
    apart from those of the process before it.
    """

    def __init__(
        self, clock: Clock, tag: str, entry_id: Callable[[], str] = str, position: Callable[[], str] = str
    ) -> None:
        """`position` returns the last entry that is in memory, which may have come with records that were read."""
        self._clock = clock
        self._tag = tag
        self._entry_id = entry_id
        self._position = position
        self._last_entry_id = ""
        self._millisecond = 0
        self._count = 0

    def next(self) -> str:
        """The id of an event that is told of now."""
        if entry_id := self._entry_id():
            return self._id_in_log(entry_id)
        millisecond = milliseconds(self._clock.utc())
        if millisecond > self._millisecond:
            self._millisecond, self._count = millisecond, 0
        else:
            self._count += 1
        return f"{self._millisecond:012x}{self._count:06x}{self._tag}"

    def apart(self, unique: str) -> str:
        """The id of an event that no entry tells of. It sorts after those of all entries so far."""
        entry_id = self._entry_id()
        if not entry_id:
            return self.next()
        generation, n = entry_order(entry_id)
        return f"{generation:012x}{n:08x}ffff{unique}"

    def reached(self) -> str:
        """A text that sorts after the ids of all events of what is in memory, and before those of all later events."""
        if position := self._position():
            generation, n = entry_order(position)
            return f"{generation:012x}{n:08x}{_AFTER_IDS}"
        last = f"{self._millisecond:012x}{self._count:06x}{_AFTER_IDS}"
        # Before the first event of this process: after those of the process before it.
        return max(last, f"{milliseconds(self._clock.utc()) - 1:012x}{_AFTER_IDS}")

    def _id_in_log(self, entry_id: str) -> str:
        """Made of the entry's generation and number, and a number for each event of one entry.

        A generation counts milliseconds, like the ids of a server that is alone.
        """
        self._count = self._count + 1 if entry_id == self._last_entry_id else 0
        self._last_entry_id = entry_id
        generation, n = entry_order(entry_id)
        return f"{generation:012x}{n:08x}{self._count:04x}"
