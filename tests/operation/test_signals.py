"""Signals to a server: which of them stop it, how, and what a second one does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operation.conftest import ROOT, Program, Terminal


@pytest.fixture(autouse=True)
def hangups_count() -> Iterator[None]:
    """Let servers heed a hangup even if the tests themselves run under nohup, which servers inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def drained(program: Program) -> bool:
    """Return whether it told its clients and stopped cleanly."""
    text = program.text()
    return '"draining"' in text and '"stopped"' in text and "Traceback" not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_drains_the_server(terminal: Terminal, number: signal.Signals) -> None:
    server = terminal.serve()
    server.process.send_signal(number)
    assert server.wait() == 0
    assert drained(server)


def test_a_closed_terminal_does_not_end_a_server_under_nohup(terminal: Terminal, tmp_path: Path) -> None:
    log = tmp_path / "nohup.txt"
    with log.open("wb") as file, subprocess.Popen(
        ["nohup", sys.executable, "server.py"],
        cwd=ROOT, env=terminal.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
    ) as server:  # fmt: skip
        try:
            while '"listening"' not in log.read_text():
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
            server.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                server.wait(1.0)
            assert '"draining"' not in log.read_text()
            assert terminal.ask("GET", "/healthz")[0] == 200
            server.terminate()
            assert server.wait(15) == 0
        finally:
            server.kill()
    assert '"stopped"' in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_further_signals_during_the_drain_change_nothing(terminal: Terminal, number: signal.Signals) -> None:
    server = terminal.serve()
    server.process.send_signal(signal.SIGINT)
    # Every few milliseconds, so that signals come while sockets close, while the loop ends, and while Python exits.
    while server.process.poll() is None:
        server.process.send_signal(number)
        time.sleep(0.002)
    assert server.wait() == 0
    assert drained(server)
    assert "Error" not in server.text()
    assert "Aborted" not in server.text()


@pytest.mark.slow
def test_the_demo_leaves_without_a_traceback_whatever_the_signals(terminal: Terminal) -> None:
    demo = terminal.start("--demo")
    demo.wait_for("Ctrl-C ends it")
    demo.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        demo.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert demo.wait() == 0
    assert drained(demo)
