"""Day spans: the states that one user was in over a span of time, from what is known of the user's past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Literal, TypeVar

import msgspec

from models.status import State

SpanState = Literal["available", "busy", "calls", "offline", "unknown", "stopped"]
"""`calls`: busy, on a call. `unknown`: nothing is recorded. `stopped`: no server was running."""

SETTLING = 5000
"""Milliseconds after the end of a call within which a change that the end causes is counted from the end."""

ENDLESS = 2**53
"""The end of what still goes on. Later moments are none that anything happens at."""

NOT_YET = "not_yet"
"""The cause of a span before the user was added."""

MANY = "many"
"""The cause of a span that stands for several."""

_BEFORE: dict[tuple[State, str], State] = {
    ("available", "connected"): "offline",
    ("available", "heartbeat"): "offline",
    ("busy", "connected"): "offline",
    ("busy", "heartbeat"): "offline",
    ("available", "call_ended"): "busy",
    ("available", "busy_expired"): "busy",
    ("busy", "call_started"): "available",
}
"""The state before a change, as far as the change and its cause say."""


class KnownState(msgspec.Struct, frozen=True):
    """The state that a user is known to have been in from a moment on. `cause` is that of an event, if one tells it."""

    at: int
    state: State
    cause: str = ""
    operator: str = ""


class KnownCall(msgspec.Struct, frozen=True):
    """A call of the user. `end` is ENDLESS if the call is ongoing."""

    call_id: str
    start: int
    end: int
    other_id: int
    other_name: str


class Pause(msgspec.Struct, frozen=True):
    """A time in which no server was running, or in which a server failed to save what happened."""

    start: int
    end: int
    state: Literal["stopped", "unknown"] = "stopped"


Covering = TypeVar("Covering", KnownCall, Pause)


class Span(msgspec.Struct, frozen=True):
    """A time in which the user's state did not change. Times are milliseconds since 1970."""

    start: int
    end: int
    state: SpanState
    cause: str = ""
    operator: str = ""
    call: KnownCall | None = None
    is_open: bool = False
    """Whether the state still lasts."""

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


class Past(msgspec.Struct, frozen=True):
    """What is known of a user's past."""

    states: Sequence[KnownState]
    """In any order."""
    calls: Sequence[KnownCall] = ()
    pauses: Sequence[Pause] = ()
    recorded_since: int = 0
    """Changes before this moment may be missing."""
    created_at: int = 0
    """When the user was added."""


def spans_of(past: Past, start: int, end: int, now: int) -> list[Span]:
    """The spans from `start` to `end`, or up to `now` if that is earlier: without gaps, and no two of them overlap.

    During a call the user counts as busy, except where the user went offline during the call.
    During a pause nothing else counts.
    """
    end = min(end, now)
    if start >= end:
        return []
    pieces = _Pieces(past)
    edges = sorted({start, end, *(edge for edge in pieces.edges if start < edge < end)})
    spans: list[Span] = []
    for left, right in pairwise(edges):
        span = pieces.between(left, right)
        if spans and _is_same(spans[-1], span):
            spans[-1] = msgspec.structs.replace(spans[-1], end=right)
        else:
            spans.append(span)
    if end == now:
        spans[-1] = msgspec.structs.replace(spans[-1], is_open=True)
    return spans


def clipped(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """The parts of the spans between two moments."""
    return [
        msgspec.structs.replace(
            span, start=max(span.start, start), end=min(span.end, end), is_open=span.is_open and span.end <= end
        )
        for span in spans
        if span.start < end and span.end > start
    ]


def thinned(spans: Sequence[Span], least: int) -> list[Span]:
    """Spans of which each is at least `least` long, for a drawing: shorter neighbours become one span.

    It has the state that they had for the longest time. The last span may be shorter.
    """
    thin: list[Span] = []
    group: list[Span] = []
    for span in spans:
        if group and span.length >= least:
            thin.append(_merged(group))
            group = []
        group.append(span)
        if span.end - group[0].start >= least:
            thin.append(_merged(group))
            group = []
    return [*thin, _merged(group)] if group else thin


def _merged(group: Sequence[Span]) -> Span:
    if len(group) == 1:
        return group[0]
    lengths: dict[SpanState, int] = {}
    for span in group:
        lengths[span.state] = lengths.get(span.state, 0) + span.length
    longest = max(lengths, key=lambda state: lengths[state])
    return Span(group[0].start, group[-1].end, longest, MANY, is_open=group[-1].is_open)


class _Pieces:
    """The state between two moments, of all that is known. To be asked about ever later moments."""

    def __init__(self, past: Past) -> None:
        states = _settled(past)
        self._state_at = _lookup(states)
        self._call_at = _lookup_covering(past.calls)
        self._pause_at = _lookup_covering(past.pauses)
        self._created_at = past.created_at
        self.edges = [past.created_at, *(state.at for state in states)]
        self.edges += [edge for call in past.calls for edge in (call.start, call.end)]
        self.edges += [edge for pause in past.pauses for edge in (pause.start, pause.end)]

    def between(self, start: int, end: int) -> Span:
        """The span between two moments without an edge between them."""
        known, call, pause = self._state_at(start), self._call_at(start), self._pause_at(start)
        if pause is not None:
            return Span(start, end, pause.state)
        if call is not None and (known is None or known.state != "offline" or known.at <= call.start):
            return Span(start, end, "calls", call=call)
        if known is None:
            return Span(start, end, "unknown", NOT_YET if start < self._created_at else "")
        return Span(start, end, known.state, known.cause, known.operator)


def _is_same(one: Span, other: Span) -> bool:
    """Whether one span goes on in the other. Two calls without a pause between them are two spans."""
    return (one.state, one.cause, one.operator, one.call) == (other.state, other.cause, other.operator, other.call)


def _settled(past: Past) -> list[KnownState]:
    """The known states in order, each of them a change from the one before."""
    ends = sorted(call.end for call in past.calls)
    ordered = sorted((_from_end_of_call(state, ends) for state in past.states), key=lambda state: state.at)
    settled: list[KnownState] = []
    for state in ordered:
        if not settled or settled[-1].state != state.state:
            settled.append(state)
        elif not settled[-1].cause:
            settled[-1] = msgspec.structs.replace(settled[-1], cause=state.cause, operator=state.operator)
    return _with_first(settled, past.recorded_since)


def _from_end_of_call(state: KnownState, ends: Sequence[int]) -> KnownState:
    """A change that the end of a call causes is announced a moment later. It counts from the end."""
    if state.cause != "call_ended":
        return state
    latest = max((end for end in ends if state.at - SETTLING <= end <= state.at), default=state.at)
    return msgspec.structs.replace(state, at=latest)


def _with_first(states: list[KnownState], recorded_since: int) -> list[KnownState]:
    """With the state before the first change, if that change tells it. It held since changes are recorded."""
    if not states or states[0].at <= recorded_since:
        return states
    before = _BEFORE.get((states[0].state, states[0].cause))
    return states if before is None else [KnownState(recorded_since, before), *states]


def _lookup(states: Sequence[KnownState]) -> Callable[[int], KnownState | None]:
    """Finds the state at a moment. To be asked about ever later moments."""
    place = -1

    def at(moment: int) -> KnownState | None:
        nonlocal place
        while place + 1 < len(states) and states[place + 1].at <= moment:
            place += 1
        return states[place] if place >= 0 else None

    return at


def _lookup_covering(given: Sequence[Covering]) -> Callable[[int], Covering | None]:
    """Finds the call or pause at a moment, the one that began last. To be asked about ever later moments."""
    waiting = sorted(given, key=lambda each: each.start, reverse=True)
    begun: list[Covering] = []

    def at(moment: int) -> Covering | None:
        while waiting and waiting[-1].start <= moment:
            begun.append(waiting.pop())
        while begun and begun[-1].end <= moment:
            begun.pop()
        return begun[-1] if begun else None

    return at
