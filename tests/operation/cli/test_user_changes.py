"""`user enable`, `user disable`, `user delete` and `user password`, also while a server is running."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.operation.conftest import Terminal, answered, wait_until

pytestmark = pytest.mark.slow  # each case starts the program

PASSWORD = f"correct horse {secrets.token_hex(6)}"
NEW = f"battery staple {secrets.token_hex(6)}"


def add_with_password(terminal: Terminal, name: str = "ada") -> None:
    """Import a user with a password."""
    terminal.lines("user", "import", "-", stdin=json.dumps({"username": name, "password": PASSWORD}) + "\n")


def set_password(terminal: Terminal, password: str = NEW) -> list[str]:
    """Give user 1 a password. Returns the output."""
    return terminal.lines("user", "password", "1", "--password-stdin", stdin=password + "\n")


def log_in(terminal: Terminal, password: str) -> tuple[int, str]:
    """Log user 1 in. Returns the status and the token."""
    status, body = terminal.ask("POST", "/auth/login", body={"username": "ada", "password": password})
    return status, body.get("access_token", "")


def states(terminal: Terminal) -> list[str]:
    """Return the state of each user."""
    return [line.split("\t")[1] for line in terminal.lines("user", "list")]


def test_a_disabled_user_is_enabled_again(terminal: Terminal) -> None:
    terminal.import_users("ada")
    terminal.lines("user", "disable", "1")
    assert states(terminal) == ["disabled"]
    assert terminal.lines("user", "enable", "1") == ["enabled user 1, ada"]
    assert states(terminal) == ["offline"]


def test_a_password_is_set_and_names_the_user(terminal: Terminal) -> None:
    terminal.import_users("Zoë")
    assert set_password(terminal) == ["changed the password of user 1, Zoë"]


@pytest.mark.slow
def test_a_running_server_notices_a_new_password(terminal: Terminal) -> None:
    add_with_password(terminal)
    terminal.serve()
    _, token = log_in(terminal, PASSWORD)
    watch = terminal.start("watch", "--token", "-", stdin=token + "\n")
    watch.wait_for("ada")
    set_password(terminal)
    assert watch.wait() == 1
    assert "4501" in watch.text()
    assert terminal.ask("GET", "/users/me", token)[0] == 401
    assert (log_in(terminal, PASSWORD)[0], log_in(terminal, NEW)[0]) == (401, 200)


def test_the_password_is_asked_for_twice_and_never_shown(terminal: Terminal) -> None:
    terminal.import_users("ada")
    code, seen = answered(terminal, ("user", "password", "1"), [NEW, NEW])
    assert (code, seen.count(": ")) == (0, 2)
    assert "changed the password of user 1, ada" in seen
    assert NEW not in seen


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        ("short", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("x" * 1025, "at most 1,024 characters"),
        (f"{NEW}\nsecond line\n", "more than one line"),
    ],
    ids=["short", "nothing", "long", "two lines"],
)
def test_what_is_wrong_with_a_password_is_said_in_words(terminal: Terminal, stdin: str, words: str) -> None:
    terminal.import_users("ada")
    done = terminal.run("user", "password", "1", "--password-stdin", stdin=stdin)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [["enable"], ["disable"], ["password", "--password-stdin"]], ids=lambda each: each[0]
)
@pytest.mark.parametrize("user_id", ["7", "external:nobody,here"])
def test_a_user_there_is_not_is_said_in_words(terminal: Terminal, command: list[str], user_id: str) -> None:
    done = terminal.run("user", *command, user_id, stdin=NEW)
    assert (done.returncode, done.stderr) == (1, f"Error: there is no user {user_id}\n")


@pytest.mark.parametrize("user_id", ["0", "-1", "x", "1x", "external:", "9" * 17])
def test_an_id_that_is_none_is_refused(terminal: Terminal, user_id: str) -> None:
    done = terminal.run("user", "enable", "--", user_id)
    assert done.returncode == 2
    assert "external:ID" in done.stderr


def test_a_user_is_deleted_after_a_confirmation(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    code, seen = answered(terminal, ("user", "delete", "1"), ["y"])
    assert (code, "Delete user 1, ada, for good?" in seen) == (0, True)
    assert "deleted user 1, ada" in seen
    assert [line.split("\t")[0] for line in terminal.lines("user", "list")] == ["2"]


def test_without_a_confirmation_nobody_is_deleted(terminal: Terminal) -> None:
    terminal.import_users("ada")
    for answer in ("n\n", "\n", ""):
        done = terminal.run("user", "delete", "1", stdin=answer)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert states(terminal) == ["offline"]


def test_a_deleted_user_is_gone_from_every_command(terminal: Terminal) -> None:
    terminal.import_users("ada")
    assert terminal.lines("user", "delete", "1", "--yes") == ["deleted user 1, ada"]
    for command in (["enable"], ["disable"], ["delete", "--yes"], ["password", "--password-stdin"]):
        done = terminal.run("user", *command, "1", stdin=NEW)
        assert (done.returncode, done.stderr) == (1, "Error: there is no user 1\n")
    assert terminal.lines("user", "list") == []
    assert terminal.tokens() == {}


@pytest.mark.slow
def test_a_running_server_notices_that_a_user_was_disabled_enabled_and_deleted(terminal: Terminal) -> None:
    add_with_password(terminal)
    terminal.serve()
    terminal.lines("user", "disable", "1")
    assert log_in(terminal, PASSWORD)[0] == 401
    terminal.lines("user", "enable", "1")
    status, token = log_in(terminal, PASSWORD)
    assert status == 200
    wait_until(lambda: terminal.ask("GET", "/users/me", token)[0] == 200)
    watch = terminal.start("watch", "--token", "-", stdin=token + "\n")
    watch.wait_for("ada")
    terminal.lines("user", "delete", "1", "--yes")
    assert watch.wait() == 1
    assert "4501" in watch.text()
    assert terminal.ask("GET", "/users/me", token)[0] == 401
    add_with_password(terminal)
    wait_until(lambda: log_in(terminal, PASSWORD)[0] == 200)
