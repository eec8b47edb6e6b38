"""Day totals: how long a user was in each state, and how many calls the user had, over a span of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from realtime.dashboard.day_spans import KnownCall, Span, SpanState


class DayTotals(msgspec.Struct, frozen=True):
    """All times are in milliseconds. `available`, `busy`, `offline`, `unknown` and `stopped` add up to the whole."""

    available: int = 0
    busy: int = 0
    """With the time on calls."""
    on_calls: int = 0
    """The part of `busy` in which the user was on a call."""
    offline: int = 0
    unknown: int = 0
    """Nothing is recorded."""
    stopped: int = 0
    """No server was running."""
    calls: int = 0
    """The number of calls, also of those that began before or ended after."""
    call_length: int = 0
    """The length of the calls, as far as they lie within."""
    longest_call: int = 0

    @property
    def whole(self) -> int:
        """The length of all spans."""
        return self.available + self.busy + self.offline + self.unknown + self.stopped

    @property
    def average_call(self) -> int:
        """The average length of the calls, as far as they lie within."""
        return self.call_length // self.calls if self.calls else 0


def totals_of(spans: Iterable[Span], calls: Sequence[KnownCall]) -> DayTotals:
    """The totals of some spans and of the calls in the same time; see `calls_within`."""
    times: dict[SpanState, int] = dict.fromkeys(("available", "busy", "calls", "offline", "unknown", "stopped"), 0)
    for span in spans:
        times[span.state] += span.length
    lengths = [call.end - call.start for call in calls]
    return DayTotals(
        available=times["available"],
        busy=times["busy"] + times["calls"],
        on_calls=times["calls"],
        offline=times["offline"],
        unknown=times["unknown"],
        stopped=times["stopped"],
        calls=len(calls),
        call_length=sum(lengths),
        longest_call=max(lengths, default=0),
    )


def calls_within(calls: Iterable[KnownCall], start: int, end: int) -> list[KnownCall]:
    """The calls between two moments, in order, each cut to what lies within."""
    within = [
        msgspec.structs.replace(call, start=max(call.start, start), end=min(call.end, end))
        for call in calls
        if call.start < end and (call.end > start or call.start >= start)
    ]
    return sorted(within, key=lambda call: call.start)
