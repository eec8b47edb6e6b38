"""Fan-out: one change at a time and several at once, to 2,000 sockets of every server in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.comparison import Passage, Series, take_turns
from benchmarks.failure import BenchmarkError
from benchmarks.lab import Lab
from benchmarks.limit import start_limit
from benchmarks.peers.peer import NCHAN, PeerSubject, start_peers
from benchmarks.rollcall import start_rollcall
from benchmarks.row import LIMIT, OURS, Bound, Figure, Reading, Round, Row
from benchmarks.subject import Subject
from benchmarks.wave import SINGLE, TEN_WAITING

_SOCKETS = 2_000
_SINGLE_SECONDS = 20.0
_WAITING_SECONDS = 25.0
_HEADER_BYTES = 4
_FEWEST_CALM = 10
"""Undisturbed waves of each subject that a round needs."""

SINGLES = Figure(
    name="one change at a time",
    unit="frames/s",
    counts="update frames received per second by 2,000 sockets, from the first socket that receives a change to the"
    " last; frames of the same size everywhere. Rollcall: a PUT, authorised and saved. nchan: a POST. The others: a"
    " command on a pipe",
    bounds=(Bound(against=LIMIT, factor=0.95), Bound(against=NCHAN, factor=1.0)),
)
DELAY = Figure(
    name="change to last socket",
    unit="ms",
    counts="time from the request for a change until the last of 2,000 sockets has it",
    less_is_better=True,
)
CPU = Figure(
    name="CPU per frame",
    unit="µs",
    counts="CPU time of the server process per update frame, for one change at a time",
    less_is_better=True,
)
WAITING = Figure(
    name="10 changes waiting",
    unit="messages/s",
    counts="messages received per second by 2,000 sockets when eleven changes are requested at once and the last ten"
    " wait behind the first. The C program puts all ten into one send() per socket; the bound compares with its rate of"
    " single frames",
    bounds=(Bound(against=LIMIT, factor=10, figure="one change at a time"),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        names, subjects = _subjects(lab, stack)
        # The first waves bear one-off costs, such as growing buffers.
        take_turns(subjects, SINGLE, seconds=1.0, step=_ignore)

        def measure() -> list[Reading]:
            lab.say("one change at a time")
            singles = _calm(lab, take_turns(subjects, SINGLE, seconds=_SINGLE_SECONDS, step=_ignore), names)
            lab.say("ten changes waiting")
            waiting = _calm(lab, take_turns(subjects, TEN_WAITING, seconds=_WAITING_SECONDS, step=_ignore), names)
            return [
                *_readings(SINGLES, names, [series.median(_rate) for series in singles]),
                *_readings(DELAY, names, [1e3 * series.median(_delay) for series in singles]),
                *_readings(CPU, names, [1e6 * series.cpu_seconds_per_frame for series in singles]),
                *_readings(WAITING, names, [series.median(_rate) for series in waiting]),
            ]

        yield measure


def _subjects(lab: Lab, stack: ExitStack) -> tuple[list[str], list[Subject]]:
    """Start Rollcall, the limit and the peers, all with frames of the length that Rollcall's have."""
    sink = lab.program("sink")
    folder = lab.folder("rollcall")
    ours = start_rollcall(stack, sink, lab.cores, server=lab.server, sockets=_SOCKETS, scratch=folder)
    ours.sink.arm(SINGLE)
    ours.cause(SINGLE)
    frame_bytes = ours.sink.arrival().frame_bytes
    names: list[str] = [OURS]
    subjects: list[Subject] = [ours]
    if lab.wants(LIMIT):
        programs = (lab.program("limit"), sink)
        names.append(LIMIT)
        subjects.append(
            start_limit(
                stack, programs, lab.cores, sockets=_SOCKETS, frame_bytes=frame_bytes, scratch=lab.folder("limit")
            )
        )
    for peer in start_peers(lab, stack):
        listeners = peer.connect(lab, stack, _SOCKETS)
        listeners.settle()
        names.append(peer.name)
        subjects.append(PeerSubject(peer, listeners, frame_bytes - _HEADER_BYTES))
    return names, subjects


def _calm(lab: Lab, all_series: list[Series], names: Sequence[str]) -> list[Series]:
    """Raise BenchmarkError if other processes disturbed so many waves that the figures would mean nothing."""
    if lab.accepts_disturbed:
        return all_series
    for name, series in zip(names, all_series, strict=True):
        if len(series.calm) < _FEWEST_CALM:
            raise BenchmarkError(
                f"other processes are using these cores: only {len(series.calm)} of {len(series.passages)} waves of"
                f" {name} were undisturbed"
            )
    return all_series


def _readings(figure: Figure, names: Sequence[str], values: Sequence[float]) -> list[Reading]:
    return [Reading(figure.name, name, value) for name, value in zip(names, values, strict=True)]


def _rate(passage: Passage) -> float:
    return passage.frames_per_second


def _delay(passage: Passage) -> float:
    return passage.delay_seconds


def _ignore(_seconds: float) -> None:
    pass


FANOUT = Row("fanout", "one change, and ten that wait, to 2,000 sockets", 110, (SINGLES, DELAY, CPU, WAITING), _opened)
