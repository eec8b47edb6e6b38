"""The log writer: bounded in what it queues and in its rate, and it never blocks the code that logs."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handlers import log_writer
from handlers.log_writer import BURST, LINES_PER_SECOND, LogWriter, write_to

PATIENCE_SECONDS = 20.0


class Reader:
    """The reader of a log. Writes block until it reads."""

    def __init__(self, *, reads: bool = True) -> None:
        self.written: list[bytes] = []
        self.reads = threading.Event()
        self.has_written = threading.Condition()
        if reads:
            self.reads.set()

    def write(self, data: bytes) -> None:
        assert self.reads.wait(PATIENCE_SECONDS)
        with self.has_written:
            self.written.append(data)
            self.has_written.notify_all()

    def lines(self) -> list[str]:
        return b"".join(self.written).decode().splitlines()

    def left_out(self) -> Counter[str]:
        """Return the sum of all reports of lines left out."""
        reports = [json.loads(each) for each in self.lines() if each.startswith("{")]
        assert all(each["event"] == "log lines left out" for each in reports)
        assert all(each["lines"] == sum(each["kinds"].values()) for each in reports)
        return sum((Counter(each["kinds"]) for each in reports), Counter())

    def wait_for(self, condition: Callable[[], Any]) -> None:
        with self.has_written:
            assert self.has_written.wait_for(condition, PATIENCE_SECONDS)


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.reads.set()


def test_lines_are_written_in_order(reader: Reader) -> None:
    writer = LogWriter(reader.write)
    for number in range(100):
        writer.put("kind", lambda number=number: str(number))  # type: ignore[misc]
    writer.close()
    assert reader.lines() == [str(number) for number in range(100)]


def test_each_kind_has_a_burst_and_a_rate_and_the_rest_is_counted(reader: Reader) -> None:
    time = Time()
    writer = LogWriter(reader.write, now=time)
    for _ in range(BURST + 30):
        writer.put("request", lambda: "r")
    writer.put("other", lambda: "o")
    time.seconds += 1
    for _ in range(int(LINES_PER_SECOND) + 10):
        writer.put("request", lambda: "r")
    writer.close()
    assert Counter(line for line in reader.lines() if len(line) == 1) == {"r": BURST + LINES_PER_SECOND, "o": 1}
    assert reader.left_out() == {"request": 40}


def test_a_line_that_is_left_out_is_not_even_made(reader: Reader) -> None:
    made = 0

    def line() -> str:
        nonlocal made
        made += 1
        return "x"

    writer = LogWriter(reader.write, now=Time())
    for _ in range(10 * BURST):
        writer.put("kind", line)
    writer.close()
    assert made == BURST


def test_what_was_left_out_is_said_at_most_once_a_second_and_also_when_nothing_else_is_logged(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "REPORT_SECONDS", 0.05)
    time = Time()
    writer = LogWriter(reader.write, now=time)
    for _ in range(BURST + 7):
        writer.put("kind", lambda: "x")
    reader.wait_for(lambda: len(reader.lines()) == BURST)
    time.seconds += 0.06
    reader.wait_for(lambda: len(reader.lines()) == BURST + 1)
    assert reader.left_out() == {"kind": 7}
    writer.close()
    assert len(reader.lines()) == BURST + 1


def test_when_nobody_reads_a_bounded_number_of_bytes_waits_and_nobody_is_held_up(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "QUEUED_BYTES_LIMIT", 1000)
    reader.reads.clear()
    writer = LogWriter(reader.write, now=Time())
    for number in range(150):
        writer.put("kind", lambda number=number: f"{number:099}")  # type: ignore[misc]
    waiting = 0 if reader.written else sum(map(len, writer._lines))
    assert waiting <= 1100
    reader.reads.set()
    writer.close(PATIENCE_SECONDS)
    kept = [line for line in reader.lines() if not line.startswith("{")]
    assert kept == sorted(kept)  # there was room again once the writer had taken the first lines
    assert reader.left_out() == {"kind": 150 - len(kept)}
    assert 10 <= len(kept) <= 22


def test_closing_gives_up_on_a_reader_who_does_not_come(reader: Reader) -> None:
    reader.reads.clear()
    writer = LogWriter(reader.write)
    writer.put("kind", lambda: "x")
    writer.close(0.01)
    assert reader.written == []


def test_a_log_that_cannot_be_written_is_counted_and_tried_again(reader: Reader) -> None:
    fails = True

    def write(data: bytes) -> None:
        if fails:
            raise BrokenPipeError
        reader.write(data)

    writer = LogWriter(write)
    writer.put("kind", lambda: "lost")
    while writer._left_out != {"unwritable": 1}:
        threading.Event().wait(0.005)
    fails = False
    writer.put("kind", lambda: "kept")
    writer.close()
    assert reader.lines()[0] == "kept"
    assert reader.left_out() == {"unwritable": 1}


def test_a_pipe_takes_all_of_a_long_line_also_when_it_does_not_block() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = os.urandom(300_000)
    thread = threading.Thread(target=write_to(writing), args=(data,))
    thread.start()
    taken = bytearray()
    while len(taken) < len(data):
        taken += os.read(reading, 65536)
    thread.join(PATIENCE_SECONDS)
    assert bytes(taken) == data
    os.close(reading)
    os.close(writing)
