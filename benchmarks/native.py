"""Compilation of the C programs for one run, into its temporary directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.failure import BenchmarkError

_HERE = Path(__file__).parent


def compile_program(name: str, registry: Path) -> Path:
    """Compile `name`.c from this folder with -O2 into the directory `registry`; return the path of the program."""
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise BenchmarkError(
            "no C compiler found (cc, gcc, clang or $CC): the limit to compare with can't be built without one"
        )
    program = registry / name
    flags = ("-std=gnu11", "-O2", "-Wall", "-Wextra")
    command = [compiler, *flags, "-o", str(program), str(_HERE / f"{name}.c")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BenchmarkError(f"{compiler}: {error.strerror}") from None
    if done.returncode != 0:
        raise BenchmarkError(f"{' '.join(command)}\n{done.stderr.strip()}")
    return program
