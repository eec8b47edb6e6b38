"""Programs that a benchmark starts: pinned to a core, with a log file, and stopped whatever happens."""

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
"""A server may take 10 s to drain (see reliability.md), so it is killed only after that."""

_DYING_SECONDS = 0.5
_TAIL_LINES = 15


class Child:
    """One child process, whose output goes to the file `log`."""

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
        # A child inherits its parent's CPU affinity, so none of its threads ever runs on another core.
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
        """Return the error to raise for `why`. It also says whether the child has exited and what it printed last."""
        with suppress(subprocess.TimeoutExpired):  # the connection may have broken because the child is exiting
            self._process.wait(_DYING_SECONDS)
        state = "is still running" if self.is_alive else f"exited with code {self._process.returncode}"
        printed = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        last = ["and its last output was:", *printed] if printed else ["and printed nothing"]
        return BenchmarkError("\n".join([why, f"{self._name} {state},", *last]))


class TalkingChild(Child):
    """A child that reads commands from stdin and answers with JSON objects on stdout, one per line."""

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
        # Lines still buffered for a child that has exited can no longer be flushed.
        with suppress(BrokenPipeError):
            self._to.close()

    def say(self, line: str) -> None:
        """Write `line` and a line break to the child."""
        try:
            self._to.write(line.encode() + b"\n")
            self._to.flush()
        except BrokenPipeError:
            raise self.failure("the child no longer reads its input") from None

    def hear(self, event: str) -> dict[str, Any]:
        """Read the next line and return its object. Raises BenchmarkError unless it is this `event`."""
        line = self._from.readline()
        if not line:
            self._process.wait(_STOP_SECONDS)
            raise self.failure(f"the event {event!r} never came")
        heard: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if heard["event"] != event:
            raise self.failure(f"expected the event {event!r}, got: {line.decode().strip()}")
        return heard
