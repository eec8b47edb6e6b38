"""WallClock: shifts the wall clock of one server and of nothing else, by a small library that is loaded first."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from chaos.check import CannotRun

_SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """The wall clock of servers that are started with `preload`. Raises CannotRun where there is no C compiler."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_bytes(bytes(8))
        library = folder / "wall_clock.so"
        _compile(library)
        self.preload = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    def shift(self, seconds: int) -> None:
        """Shift it that far from the real time, effective immediately."""
        with self._file.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


def _compile(library: Path) -> None:
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise CannotRun("no C compiler (cc, gcc, clang or $CC), and the wall clock is shifted by a program in C")
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(_SOURCE), "-ldl"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotRun(f"{compiler}: {error.strerror}") from None
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(command)}: {done.stderr.strip()}")
