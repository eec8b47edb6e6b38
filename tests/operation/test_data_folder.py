"""The data folder, which only one server may use at a time."""

from __future__ import annotations

import json
import signal

import pytest

from chaos.ports import free_port
from tests.operation.conftest import Terminal

pytestmark = pytest.mark.slow  # each case starts servers


def test_a_second_server_on_the_same_folder_is_refused_and_names_the_first(terminal: Terminal) -> None:
    first = terminal.serve()
    second = terminal.run("--port", str(free_port()))
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert f"process {first.process.pid}, since 20" in line
    assert str(terminal.folder / "data") in line
    assert "ROLLCALL_DATA_DIR" in line
    assert terminal.ask("GET", "/readyz")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_server_leaves_behind_is_no_obstacle_for_the_next(terminal: Terminal, number: signal.Signals) -> None:
    first = terminal.serve()
    first.process.send_signal(number)
    first.wait()
    assert (terminal.folder / "data" / "server.lock").exists()
    second = terminal.serve()
    third = terminal.run("--port", str(free_port()))
    assert f"process {second.process.pid}, " in third.stderr


def test_the_command_line_works_beside_a_server(terminal: Terminal) -> None:
    terminal.serve()
    terminal.import_users("ada")
    assert len(terminal.lines("user", "list")) == 1


def test_a_secret_that_others_may_read_causes_a_warning_at_start(terminal: Terminal) -> None:
    assert "chmod" not in terminal.serve().text()
    terminal.programs.pop().stop()
    path = terminal.folder / "data" / "jwt_secret"
    path.chmod(0o644)
    lines = [json.loads(line) for line in terminal.serve().text().splitlines()]
    (warning,) = [line for line in lines if line["level"] == "warning"]
    assert warning["fix"] == f"chmod 600 {path}"
