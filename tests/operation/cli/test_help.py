"""`--help`: a page that fits a terminal, with the commands first and every setting under its group."""

from __future__ import annotations

import re

import pytest

from settings import file_variable, flag, groups, variable
from tests.operation.conftest import Terminal

pytestmark = pytest.mark.slow  # each case starts the program

COMMANDS = [
    [], ["user"], ["user", "import"], ["user", "list"], ["user", "tokens"], ["user", "enable"], ["user", "disable"],
    ["user", "delete"], ["user", "password"], ["operator"], ["operator", "add"], ["operator", "list"],
    ["operator", "disable"], ["operator", "reset"], ["key"], ["key", "add"], ["key", "list"], ["key", "revoke"],
    ["watch"],
]  # fmt: skip


@pytest.fixture
def page(terminal: Terminal) -> str:
    """The output of `--help` at 80 columns."""
    terminal.environment["COLUMNS"] = "80"
    return "\n".join(terminal.lines("--help"))


def test_the_commands_come_first_and_then_the_groups_of_settings_in_their_order(page: str) -> None:
    headings = re.findall(r"^(\w[\w ]*):$", page, re.MULTILINE)
    assert headings == ["Commands", "Options", *(group.capitalize() for group in groups())]
    assert page.startswith("Usage: server.py ")


def test_every_setting_is_there_once_and_a_secret_is_a_variable_or_a_file_but_no_flag(page: str) -> None:
    names = re.findall(r"^  (--[a-z0-9-]+|[A-Z_]+_[A-Z_]+) ", page, re.MULTILINE)
    expected = ["--demo", "--help"]
    for each in (each for fields in groups().values() for each in fields):
        secret = each.metadata["secret"]
        expected += [variable(each.name), file_variable(each.name)] if secret else [flag(each.name)]
    assert names == expected


def test_a_setting_has_its_meaning_and_its_default(page: str) -> None:
    lines = [" ".join(line.split()) for line in page.splitlines()]
    assert "--port Port to listen on; 0 picks a free one. [8000]" in lines
    assert "--registration-open Whether POST /auth/register is open. [true]" in lines
    assert "--body-timeout-seconds Time for a request's body to arrive. [10]" in lines
    assert "--tls-key Private key file (PEM), without a passphrase." in lines


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_page_fits_80_columns_and_cuts_nothing_off(terminal: Terminal, command: list[str]) -> None:
    terminal.environment["COLUMNS"] = "80"
    lines = terminal.lines(*command, "--help")
    assert max(len(line) for line in lines) <= 80
    assert not any("..." in line for line in lines[1:])  # the usage line has [ARGS]...
    assert "\n".join(lines).isascii()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_page_is_shown_even_when_the_settings_are_wrong(terminal: Terminal, command: list[str]) -> None:
    terminal.environment["ROLLCALL_PRT"] = "1"
    assert terminal.lines(*command, "--help")[0].startswith("Usage: ")


def test_a_group_without_a_command_prints_its_page(terminal: Terminal) -> None:
    done = terminal.run("user")
    assert done.returncode == 2
    assert "import" in done.stderr
