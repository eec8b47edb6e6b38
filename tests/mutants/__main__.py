"""Plant each mutant in a copy of the sources and run the tests that must find it.

    python -m tests.mutants [part of a name ...]

It prints a line for each mutant: the name, the test that failed, and the time that took. It exits with 1 if a mutant
survives, if its place does not occur exactly once, or if the tests fail without a mutant.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]

TIMEOUT_SECONDS = 180
"""The limit of one run. A mutant that makes the tests hang counts as killed."""

PASSED, FAILED = 0, 1
"""Exit codes of pytest. Any other means that the tests did not run."""


def copy_sources(target: Path) -> None:
    """Copy the files that git tracks or would add, including changes that are not committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def write(path: Path, text: str) -> None:
    """Replace a module and delete its compiled form, whose timestamp may match the new source."""
    path.write_text(text, encoding="utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def run_tests(folder: Path, tests: tuple[str, ...], *, on_redis: bool) -> tuple[int, str]:
    """Run pytest up to the first failure. Returns its exit code and its output."""
    marked = "slow or not slow" if on_redis else "not slow"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", marked, "--tb=no", "--show-capture=no", "-rfE"]
    try:
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "-W", "ignore", *tests],
            cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return FAILED, "the tests hang"
    return done.returncode, done.stdout + done.stderr


def try_mutant(folder: Path, mutant: Mutant) -> tuple[bool, str]:
    """Plant a mutant and run its tests. Returns whether they killed it, and how."""
    path = folder / mutant.file
    source = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (places := source.count(mutant.old)) != 1:
        return False, f"NOT PLANTED: its place occurs {places} times in {mutant.file}"
    write(path, source.replace(mutant.old, mutant.new))
    try:
        code, output = run_tests(folder, mutant.tests, on_redis=mutant.on_redis)
    finally:
        write(path, source)
    if code == PASSED:
        return False, "SURVIVED"
    if code != FAILED:
        return False, f"NOT TESTED: pytest exited with {code}\n{output}"
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return True, f"killed by {failed[1] if failed else output.strip().splitlines()[-1]}"


def tests_pass(folder: Path, mutants: list[Mutant]) -> bool:
    """Return whether the tests pass without a mutant. A test that always fails would kill every one."""
    for on_redis in sorted({mutant.on_redis for mutant in mutants}):
        started = time.monotonic()
        print("no mutant … ", end="", flush=True)
        tests = dict.fromkeys(test for mutant in mutants if mutant.on_redis == on_redis for test in mutant.tests)
        code, output = run_tests(folder, tuple(tests), on_redis=on_redis)
        print(f"{'passed' if code == PASSED else output} ({time.monotonic() - started:.0f} s)", flush=True)
        if code != PASSED:
            return False
    return True


def main(wanted: list[str]) -> int:
    """Try all mutants, or those whose names contain one of the words. Returns the exit code."""
    mutants = [mutant for mutant in MUTANTS if not wanted or any(word in mutant.name for word in wanted)]
    with tempfile.TemporaryDirectory(prefix="rollcall-mutants-") as temporary:
        folder = Path(temporary)
        copy_sources(folder)
        if not tests_pass(folder, mutants):
            return 1
        missed = 0
        for number, mutant in enumerate(mutants, 1):
            started = time.monotonic()
            print(f"{number}/{len(mutants)} {mutant.name} … ", end="", flush=True)
            was_killed, outcome = try_mutant(folder, mutant)
            missed += not was_killed
            print(f"{outcome} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} mutants killed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
