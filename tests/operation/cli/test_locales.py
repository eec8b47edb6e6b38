"""The command line in any locale: printing never causes an error."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operation.cli.test_watch import _read_until
from tests.operation.conftest import ROOT, WAIT_SECONDS, Terminal

NAMES = ["Zoë", "世界", "O’Connor"]

LOCALES = {
    "C": {"LC_ALL": "C"},
    "C-as-ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    "latin-1": {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"},
}


# One of them, which lacks most characters, is enough for `make test-fast`: each test starts the program several times.
@pytest.fixture(params=[pytest.param(each, marks=() if each == "C-as-ascii" else pytest.mark.slow) for each in LOCALES])
def terminal(terminal: Terminal, request: pytest.FixtureRequest) -> Terminal:
    """The terminal, in a locale."""
    terminal.environment |= LOCALES[request.param]
    return terminal


def run(terminal: Terminal, *arguments: str, stdin: str = "") -> str:
    """Run a command that must succeed. Returns its output as ASCII, which all the encodings share."""
    done = subprocess.run(
        [sys.executable, "server.py", *arguments],
        cwd=ROOT, env=terminal.environment, input=stdin.encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"UnicodeEncodeError" not in done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("ascii", "replace")


def users() -> str:
    return "".join(json.dumps({"username": name}) + "\n" for name in NAMES)


def test_users_and_operators_are_made_and_listed(terminal: Terminal) -> None:
    run(terminal, "user", "import", "-", stdin=users())
    assert len(run(terminal, "user", "list").splitlines()) == len(NAMES)
    run(terminal, "user", "disable", "1")
    run(terminal, "operator", "add", "maya", "--role", "admin", "--password-stdin", stdin="correct horse battery")
    assert "maya" in run(terminal, "operator", "list")


def test_a_terminal_gets_a_table_of_users(terminal: Terminal) -> None:
    run(terminal, "user", "import", "-", stdin=users())
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "server.py", "user", "list"],
        cwd=ROOT, env={**terminal.environment, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
    ) as program:  # fmt: skip
        os.close(theirs)
        assert "last seen" in _read_until(ours, "last seen", "Connor")
        assert program.wait(WAIT_SECONDS) == 0
    os.close(ours)


def test_a_bad_line_and_a_bad_name_are_said(terminal: Terminal, tmp_path: Path) -> None:
    run(terminal, "user", "import", "-", stdin=users())
    (tmp_path / "users.jsonl").write_text(users(), encoding="utf-8")
    for arguments in (["user", "import", str(tmp_path / "users.jsonl")], ["operator", "disable", "Zoë"]):
        done = subprocess.run(
            [sys.executable, "server.py", *arguments],
            cwd=ROOT, env=terminal.environment, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert b"Error: " in done.stderr
        assert b"Traceback" not in done.stderr


def test_help_is_printed(terminal: Terminal) -> None:
    for command in ([], ["user"], ["operator"], ["watch"], ["user", "import"]):
        assert run(terminal, *command, "--help").startswith("Usage: ")


@pytest.mark.slow
def test_a_watch_prints_lines_and_draws_a_table(terminal: Terminal) -> None:
    run(terminal, "user", "import", "-", stdin=users())
    token = run(terminal, "user", "tokens").split()[1]
    terminal.serve()
    lines = terminal.start("watch", "--token", "-", stdin=token + "\n")
    lines.wait_for("available")
    assert lines.stop() == 0
    assert "Error" not in lines.text()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "server.py", "watch", "--token", token],
        cwd=ROOT, env={**terminal.environment, "TERM": "xterm", "COLUMNS": "90", "LINES": "30"},
        stdin=theirs, stdout=theirs, stderr=theirs,
    ) as program:  # fmt: skip
        os.close(theirs)
        shown = _read_until(ours, "3 users", "Connor")
        program.send_signal(signal.SIGINT)
        assert program.wait(WAIT_SECONDS) == 0
    os.close(ours)
    assert "Traceback" not in shown


@pytest.mark.slow
def test_the_demo_invites(terminal: Terminal) -> None:
    demo = terminal.start("--demo")
    demo.wait_for("Ctrl-C ends it")
    assert "--token -\n" in demo.text()
    assert demo.stop() == 0
    assert "Traceback" not in demo.text()
    assert "UnicodeEncodeError" not in demo.text()
