"""`operator add`, `operator list`, `operator disable` and `operator reset`, also while a server is running."""

from __future__ import annotations

import asyncio

import pytest

from models.database import open_database
from models.notices import Notice, Notices
from settings import Settings
from tests.operation.conftest import Terminal, answered

pytestmark = pytest.mark.slow  # each case starts the program

PASSWORD = "correct horse battery"


def add(terminal: Terminal, name: str, role: str = "admin") -> list[str]:
    """Add an operator. Returns the output."""
    return terminal.lines("operator", "add", name, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")


def listed(terminal: Terminal) -> list[list[str]]:
    """Return [id, role, state, name] of every operator."""
    cells = [line.split("\t") for line in terminal.lines("operator", "list")]
    return [[*each[:3], each[4]] for each in cells]


def test_operators_are_added_and_listed_in_their_order(terminal: Terminal) -> None:
    assert add(terminal, "Maya") == ["added operator 1, Maya (admin)"]
    assert add(terminal, "Zoë", "viewer") == ["added operator 2, Zoë (viewer)"]
    assert listed(terminal) == [["1", "admin", "enabled", "Maya"], ["2", "viewer", "enabled", "Zoë"]]


def test_a_terminal_gets_a_table(terminal: Terminal) -> None:
    add(terminal, "[b]maya[/b]")
    shown = terminal.shown("operator", "list")
    assert "added" in shown
    assert "[b]maya[/b]" in shown


def test_the_password_is_asked_for_twice_and_never_shown(terminal: Terminal) -> None:
    arguments = ("operator", "add", "maya", "--role", "admin")
    code, seen = answered(terminal, arguments, [PASSWORD, PASSWORD])
    assert (code, seen.count(": ")) == (0, 2)
    assert "added operator 1, maya (admin)" in seen
    assert PASSWORD not in seen


def test_two_passwords_that_differ_are_asked_for_again(terminal: Terminal) -> None:
    arguments = ("operator", "add", "maya", "--role", "admin")
    code, seen = answered(terminal, arguments, [PASSWORD, PASSWORD + "!", PASSWORD, PASSWORD])
    assert (code, "do not match" in seen) == (0, True)
    assert PASSWORD not in seen


@pytest.mark.parametrize(
    ("name", "stdin", "words"),
    [
        ("MAYA", PASSWORD, "There is already an operator named MAYA"),
        ("sam", "short", "at least 12 characters"),
        ("sam", "", "at least 12 characters"),
        ("sam", "\ufeffeleven char\n", "at least 12 characters"),
        ("sam", f"{PASSWORD}\nsecond line\n", "more than one line"),
        (" sam", PASSWORD, "A name must have no space at either end"),
        ("s\u200bam", PASSWORD, "A name must have no invisible characters (U+200B)"),
    ],
)
def test_what_is_wrong_with_a_new_operator_is_said_in_words(
    terminal: Terminal, name: str, stdin: str, words: str
) -> None:
    add(terminal, "maya")
    done = terminal.run("operator", "add", name, "--role", "viewer", "--password-stdin", stdin=stdin)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(listed(terminal)) == 1


def test_a_role_that_is_none_is_refused(terminal: Terminal) -> None:
    done = terminal.run("operator", "add", "maya", "--role", "root", "--password-stdin", stdin=PASSWORD)
    assert done.returncode == 2
    assert "'viewer', 'operator', 'admin'" in done.stderr


def test_a_disabled_operator_is_listed_as_such(terminal: Terminal) -> None:
    add(terminal, "maya")
    add(terminal, "sam", "operator")
    assert terminal.lines("operator", "disable", "SAM") == ["disabled operator 2, sam"]
    assert terminal.lines("operator", "disable", "sam") == ["operator 2, sam, was already disabled"]
    assert listed(terminal) == [["1", "admin", "enabled", "maya"], ["2", "operator", "disabled", "sam"]]


def test_the_last_admin_is_not_disabled(terminal: Terminal) -> None:
    add(terminal, "maya")
    done = terminal.run("operator", "disable", "maya")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: maya is the last admin. Make another operator an admin first.\n",
    )
    assert listed(terminal) == [["1", "admin", "enabled", "maya"]]


@pytest.mark.parametrize("command", [["disable", "nobody"], ["reset", "nobody", "--password-stdin"]])
def test_an_operator_there_is_not_is_said_in_words(terminal: Terminal, command: list[str]) -> None:
    done = terminal.run("operator", *command, stdin=PASSWORD)
    assert (done.returncode, done.stderr) == (1, "Error: there is no operator nobody\n")


def test_a_reset_takes_a_new_password(terminal: Terminal) -> None:
    add(terminal, "maya")
    done = terminal.lines("operator", "reset", "Maya", "--password-stdin", stdin="another horse battery\n")
    assert done == ["reset the password of operator 1, maya"]
    short = terminal.run("operator", "reset", "maya", "--password-stdin", stdin="short")
    assert (short.returncode, short.stderr) == (1, "Error: A password must have at least 12 characters.\n")


async def notices(terminal: Terminal) -> list[Notice]:
    """Return the notices left for a running server."""
    patient = Settings(data_dir=terminal.folder / "data", store_deadline_seconds=20.0, inspect_interval_seconds=21.0)
    database = await open_database(patient)
    try:
        return await Notices(database.collection("notices")).after(0)
    finally:
        await database.close()


def test_a_running_server_is_told_whom_the_command_line_signed_out(terminal: Terminal) -> None:
    terminal.serve()
    add(terminal, "maya")
    add(terminal, "sam", "viewer")
    terminal.lines("operator", "disable", "sam")
    terminal.lines("operator", "reset", "maya", "--password-stdin", stdin=PASSWORD)
    assert asyncio.run(notices(terminal)) == [
        Notice(1, "operator_changed", 2, 2),
        Notice(2, "operator_changed", 1, 1),
    ]
