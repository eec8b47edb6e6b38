"""Session: the lab of one run, opened and closed, with everything that it started."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks.cores import allow_open_files, choose_cores, stay_on
from benchmarks.lab import SERVER, Lab

_OPEN_FILES = 20_000


@contextmanager
def opened_lab(
    peers: Path, *, against: Sequence[str] = (), server: Path = SERVER, accepts_disturbed: bool = False
) -> Iterator[Lab]:
    """Pin this process to the clients' core and give it a temporary folder. Raises BenchmarkError."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    cores = choose_cores()
    allow_open_files(_OPEN_FILES)
    stay_on(cores.clients)
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as scratch:
        lab = Lab(cores, Path(scratch), peers, against=[name.casefold() for name in against], server=server)
        lab.accepts_disturbed = accepts_disturbed
        yield lab


def _leave(number: int, _frame: FrameType | None) -> None:
    """Exit by raising an exception, so that every child process is stopped."""
    sys.exit(128 + number)
