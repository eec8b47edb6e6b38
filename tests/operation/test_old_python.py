"""A Python that is too old causes one clear sentence, and no traceback."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operation.conftest import ROOT

AS_OLD = """
import sys
sys.version_info = {version}
import runpy
sys.argv = ["server.py"]
runpy.run_path("server.py", run_name="__main__")
"""


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 10, 12)])
def test_an_older_python_is_told_what_is_needed(version: tuple[int, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_OLD.format(version=version)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", f"Error: Rollcall needs Python 3.11 or newer; this is Python {version[0]}.{version[1]}.\n",
    )  # fmt: skip


def test_an_older_python_can_read_server_py_up_to_that_sentence() -> None:
    """Python parses a whole file before it runs the first line."""
    source = (ROOT / "server.py").read_text()
    body = ast.parse(source, feature_version=(3, 7)).body
    guard = next(place for place, each in enumerate(body) if isinstance(each, ast.If))
    imported = [each for each in body[:guard] if isinstance(each, ast.Import | ast.ImportFrom)]
    names = [alias.name for each in imported for alias in each.names]
    assert names == ["annotations", "sys"]
    assert not any(isinstance(each, ast.Match | ast.TryStar | ast.NamedExpr) for each in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("python", ["./old", "no-such-python"])
def test_make_says_so_too(tmp_path: Path, python: str) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.txt").touch()
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho 'SyntaxError: invalid syntax' >&2\nexit 1\n")
    old.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "serve", f"PYTHON={python}"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    ours, makes_own = done.stderr.splitlines()
    assert ours == "Rollcall needs Python 3.11 or newer; say which one, as in: make run PYTHON=python3.12"
    assert makes_own.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()
