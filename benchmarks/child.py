"""Child: a program that a benchmark starts: pinned to a core, its log kept, ended whatever happens."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from benchmarks.failure import BenchmarkError

_STOP_SECONDS = 12.0
"""A server has 10 s to drain (reliability.md) before it is killed."""

_DYING_SECONDS = 0.5
_TAIL_LINES = 15


class Child:
    """One child process; what it prints goes to the file `log`."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        core: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
        talks: bool = False,
    ) -> None:
        self._name = log.stem
        self._log = log
        usual = os.sched_getaffinity(0)
        # A child inherits the core it is started on, so that no thread of it ever runs on another one.
        os.sched_setaffinity(0, {core})
        try:
            with log.open("wb") as written:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if talks else written,
                    stderr=written,
                    env=environment,
                )
        finally:
            os.sched_setaffinity(0, usual)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def failure(self, why: str) -> BenchmarkError:
        """The error to raise for `why`; says whether the child has ended, and what it printed last."""
        with suppress(subprocess.TimeoutExpired):  # what broke the connection may just be its end
            self._process.wait(_DYING_SECONDS)
        state = "still runs" if self.is_alive else f"ended with {self._process.returncode}"
        printed = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        last = ["and had printed last:", *printed] if printed else ["and had printed nothing"]
        return BenchmarkError("\n".join([why, f"{self._name} {state},", *last]))


class TalkingChild(Child):
    """A child that takes commands by lines on stdin and answers with JSON objects by lines on stdout."""

    def __init__(
        self, argv: Sequence[str], *, core: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(argv, core=core, log=log, environment=environment, talks=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._from.close()
        # What was said to a child that is gone can no longer be flushed.
        with suppress(BrokenPipeError):
            self._to.close()

    def say(self, line: str) -> None:
        """Write `line` and its end."""
        try:
            self._to.write(line.encode() + b"\n")
            self._to.flush()
        except BrokenPipeError:
            raise self.failure("nobody listens") from None

    def hear(self, event: str) -> dict[str, Any]:
        """The next line, which has to be of this `event`."""
        line = self._from.readline()
        if not line:
            self._process.wait(_STOP_SECONDS)
            raise self.failure(f"no {event!r} came")
        heard: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if heard["event"] != event:
            raise self.failure(f"instead of {event!r}: {line.decode().strip()}")
        return heard
