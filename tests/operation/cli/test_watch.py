"""`watch`: one line per change in a pipe, and what it does when the connection ends."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.operation.conftest import ROOT, WAIT_SECONDS, Terminal

pytestmark = pytest.mark.slow  # each case starts the program


def test_a_change_is_one_line_in_a_pipe(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    tokens = terminal.tokens()
    terminal.serve()
    watch = terminal.start("watch", "--token", tokens[1])
    watch.wait_for("ada")
    terminal.ask("POST", "/users/me/heartbeat", tokens[2])
    terminal.ask("PUT", "/users/me/status", tokens[2], {"is_busy": True})
    text = watch.wait_for("set by hand")
    assert [line.split()[1:4] for line in text.splitlines()] == [
        ["●", "available", "ada"], ["●", "available", "bob"], ["◐", "busy", "bob"],
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(terminal: Terminal, number: signal.Signals) -> None:
    terminal.import_users("ada")
    terminal.serve()
    watch = terminal.start("watch", "--channel", "presence", "--token", terminal.tokens()[1])
    watch.wait_for("ada")
    watch.process.send_signal(number)
    assert watch.wait() == 0
    assert "Traceback" not in watch.text()


def test_further_signals_while_it_ends_change_nothing(terminal: Terminal) -> None:
    terminal.import_users("ada")
    terminal.serve()
    watch = terminal.start("watch", "--token", "-", stdin=terminal.tokens()[1] + "\n")
    watch.wait_for("ada")
    while watch.process.poll() is None:
        watch.process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    assert watch.wait() == 0
    assert "Traceback" not in watch.text()
    assert "Aborted" not in watch.text()


def test_a_terminal_is_asked_for_the_token_and_does_not_show_it(terminal: Terminal) -> None:
    terminal.import_users("ada")
    token = terminal.tokens()[1]
    terminal.serve()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "server.py", "watch", "--token", "-", "--lines"],
        cwd=ROOT, env=terminal.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as program:  # fmt: skip
        os.close(theirs)
        seen = _read_until(ours, "Access token: ")
        os.write(ours, f"{token}\n".encode())
        seen += _read_until(ours, "ada")
        program.send_signal(signal.SIGINT)
        assert program.wait(WAIT_SECONDS) == 0
    os.close(ours)
    assert token not in seen


@pytest.mark.parametrize("token", ["\N{NULL}", "zwei Wörter", "a b\tc"])
def test_what_is_no_token_is_refused_and_not_shown(terminal: Terminal, token: str) -> None:
    watch = terminal.run("watch", "--token", "-", stdin=token + "\n")
    assert watch.returncode == 2
    assert watch.stderr.startswith("Error: Invalid value for '--token': give an access token, or - to read it")
    assert token not in watch.stderr


def test_a_refused_token_ends_it_with_words(terminal: Terminal) -> None:
    terminal.serve()
    watch = terminal.run("watch", "--token", "bad")
    assert (watch.returncode, watch.stderr) == (1, "Error: the server closed the connection: Invalid token (4500)\n")


def test_a_server_that_is_not_there_is_said_in_words(terminal: Terminal) -> None:
    watch = terminal.run("watch", "--token", "t")
    assert watch.returncode == 1
    assert watch.stderr.startswith(f"Error: cannot connect to ws://localhost:{terminal.port}/ws/feed: ")


def test_a_name_the_server_does_not_go_by_is_said_in_words(terminal: Terminal) -> None:
    terminal.serve()
    watch = terminal.run("watch", "--token", "t", "--url", f"ws://127.1:{terminal.port}")
    assert watch.returncode == 1
    assert "403: This server does not answer to that host name" in watch.stderr
    assert "Traceback" not in watch.stderr


@pytest.mark.parametrize("arguments", [["--token", ""], ["--token", "-"], ["--token", "t", "--url", "foo"], []])
def test_a_command_that_makes_no_sense_is_explained(terminal: Terminal, arguments: list[str]) -> None:
    watch = terminal.run("watch", *arguments)
    assert watch.returncode == 2
    assert "Error: " in watch.stderr
    assert not (terminal.folder / "data").exists()


def test_it_comes_back_after_a_restart_and_tells_what_changed_meanwhile(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    tokens = terminal.tokens()
    server = terminal.serve()
    watch = terminal.start("watch", "--token", tokens[1])
    watch.wait_for("ada")
    assert server.stop() == 0
    watch.wait_for("reconnecting")
    terminal.import_users("eve")
    terminal.serve()
    text = watch.wait_for("eve")
    assert "changed meanwhile" in text
    terminal.ask("POST", "/users/me/heartbeat", tokens[2])
    watch.wait_for("a heartbeat came")


def test_a_terminal_gets_a_live_table(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    tokens = terminal.tokens()
    terminal.serve()
    ours, theirs = pty.openpty()
    environment = {**terminal.environment, "TERM": "xterm", "COLUMNS": "90", "LINES": "30"}
    with subprocess.Popen(
        [sys.executable, "server.py", "watch", "--token", tokens[1]],
        cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
    ) as program:  # fmt: skip
        os.close(theirs)
        shown = _read_until(ours, "2 users", "bob")
        terminal.ask("POST", "/users/me/heartbeat", tokens[2])
        shown = _read_until(ours, "a heartbeat came")
        program.send_signal(signal.SIGINT)
        assert program.wait(WAIT_SECONDS) == 0
    os.close(ours)
    assert "reason" in shown


def _read_until(descriptor: int, *words: str) -> str:
    text, deadline = "", time.monotonic() + WAIT_SECONDS
    while not all(word in text for word in words):
        assert time.monotonic() < deadline, text
        if select.select([descriptor], [], [], 0.1)[0]:
            text += os.read(descriptor, 65536).decode(errors="replace")
    return text
