"""Log writer: writes log lines in a thread, at a limited rate, so that logging never blocks the event loop."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from realtime.ratelimit import TokenBucket

BURST = 200
LINES_PER_SECOND = 50.0
"""Lines of one kind: as many at once, and so many after that."""

QUEUED_BYTES_LIMIT = 1024 * 1024
"""Lines that are waiting while nobody reads standard error."""

KINDS_LIMIT = 200
"""Kinds that are counted separately. The server has far fewer."""

REPORT_SECONDS = 1.0
"""Lines that were left out are reported this often."""

CLOSE_SECONDS = 1.0
"""When the server exits, it waits this long for waiting lines to be written."""


class LogWriter:
    """The end of the log: a bounded queue, and a thread that writes it. Safe to use from any thread."""

    def __init__(self, write: Callable[[bytes], None], *, now: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._now = now
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._queued_bytes = 0
        self._buckets: dict[str, TokenBucket] = {}
        self._left_out: Counter[str] = Counter()
        """Lines that were not written since the last report, by kind."""
        self._reported_at = now()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def put(self, kind: str, line: Callable[[], str]) -> None:
        """Queue a line, which is only made if there is room for it. Never blocks."""
        with self._changed:
            if not self._has_room(kind):
                self._left_out[kind] += 1
                return
        text = (line() + "\n").encode(errors="backslashreplace")
        with self._changed:
            self._lines.append(text)
            self._queued_bytes += len(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self) -> None:
        """Do nothing: `logging` flushes after each line. The thread writes at once."""

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what is waiting, but give up after some time. Nothing is written after that."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _has_room(self, kind: str) -> bool:
        if self._queued_bytes >= QUEUED_BYTES_LIMIT or self._is_closing:
            return False
        now = self._now()
        bucket = self._buckets.get(kind)
        if bucket is None:
            if len(self._buckets) >= KINDS_LIMIT:
                self._buckets.clear()
            bucket = self._buckets[kind] = TokenBucket(BURST, LINES_PER_SECOND, now)
        return bucket.take(now)

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            with self._changed:
                if not (self._lines or self._is_closing):
                    self._changed.wait(REPORT_SECONDS)
                is_closing = self._is_closing
                lines, self._lines, self._queued_bytes = self._lines, [], 0
                lines += self._report(is_due=is_closing or self._now() >= self._reported_at + REPORT_SECONDS)
            try:
                if lines:
                    self._write(b"".join(lines))
            except OSError:
                with self._changed:
                    self._left_out["unwritable"] += len(lines)

    def _report(self, *, is_due: bool) -> list[bytes]:
        """A line about those that were left out since the last one."""
        if not (is_due and self._left_out):
            return []
        self._reported_at = self._now()
        report: dict[str, Any] = {
            "event": "log lines left out",
            "lines": self._left_out.total(),
            "kinds": dict(self._left_out),
            "level": "warning",
            "logger": "rollcall.logs",
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        self._left_out.clear()
        return [json.dumps(report).encode() + b"\n"]


class LogHandler(logging.StreamHandler[Any]):
    """Passes each line to a LogWriter, under its logger, level and event. Writes to any other stream directly."""

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line."""
        if isinstance(self.stream, LogWriter):
            self.stream.put(_kind(record), lambda: self.format(record))
        else:
            super().emit(record)


def write_to(descriptor: int) -> Callable[[bytes], None]:
    """A function that writes all of some bytes to a file descriptor, however long that takes. It raises OSError."""

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:  # another program made the descriptor non-blocking
                waiting = select.poll()
                waiting.register(descriptor, select.POLLOUT)
                waiting.poll()

    return write


def _kind(record: logging.LogRecord) -> str:
    """What is counted together. The text of a library's line may be of a client's choice, so it is not used."""
    event = record.msg.get("event", "") if isinstance(record.msg, dict) else ""
    return f"{record.name} {record.levelname} {event}".rstrip()
