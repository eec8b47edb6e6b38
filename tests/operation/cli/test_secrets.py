"""Secrets: from variables and files, never from flags, and never printed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from settings import Settings, file_variable, flag, variable
from tests.operation.conftest import Terminal

pytestmark = pytest.mark.slow  # each case starts the program

SECRETS = [each.name for each in dataclasses.fields(Settings) if each.metadata["secret"]]
KEY = "0123456789abcdef" * 4
BAD_URL = "mongodb://somebody:top/secret@db.example.org/"


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("command", [[], ["user", "list"]], ids=["serve", "user-list"])
@pytest.mark.parametrize("between", [" ", "="])
def test_a_secret_is_no_flag(terminal: Terminal, name: str, command: list[str], between: str) -> None:
    given = f"{flag(name)}{between}top-secret".split(" ")
    done = terminal.run(*given, *command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: {flag(name)} is not a flag, because everyone can read the process list; "
        f"set {variable(name)} or {file_variable(name)}\n"
    )


def test_tokens_are_made_with_the_key_in_the_file(terminal: Terminal, tmp_path: Path) -> None:
    terminal.import_users("ada")
    (tmp_path / "key").write_text(KEY + "\n")
    terminal.environment["ROLLCALL_JWT_SECRET_FILE"] = str(tmp_path / "key")
    token = terminal.tokens()[1]
    del terminal.environment["ROLLCALL_JWT_SECRET_FILE"]
    terminal.environment["ROLLCALL_JWT_SECRET"] = KEY
    terminal.serve()
    assert terminal.ask("GET", "/users/me", token)[0] == 200


def test_a_url_with_an_unescaped_character_is_refused_and_not_printed(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(BAD_URL)
    terminal.environment |= {"ROLLCALL_JWT_SECRET": KEY, "MONGODB_URL_FILE": str(tmp_path / "url")}
    from_file = terminal.run()
    del terminal.environment["MONGODB_URL_FILE"]
    terminal.environment["MONGODB_URL"] = BAD_URL
    from_variable = terminal.run("user", "list")
    for done in (from_file, from_variable):
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: MONGODB_URL is not a MongoDB URL")
        assert "%XX" in line
        for part in ("somebody", "top", "secret", "example"):
            assert part not in done.stdout + done.stderr


def test_a_file_that_cannot_be_read_is_said_in_one_line(terminal: Terminal) -> None:
    terminal.environment["ROLLCALL_JWT_SECRET_FILE"] = "/nowhere/key"
    done = terminal.run("user", "list")
    assert (done.returncode, done.stderr) == (
        2,
        "Error: ROLLCALL_JWT_SECRET cannot be read from the file that ROLLCALL_JWT_SECRET_FILE names: "
        "No such file or directory\n",
    )


def test_a_password_in_a_file_of_users_is_not_printed(terminal: Terminal) -> None:
    line = json.dumps({"username": "ada", "password": "top-secret-password", "profile_image_url": "nonsense"})
    done = terminal.run("user", "import", "-", stdin=line + "\n")
    assert done.returncode == 1
    assert "top-secret" not in done.stdout + done.stderr
