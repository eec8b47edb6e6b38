"""`user import`, `user list`, `user disable` and `user tokens`, also while a server is running."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.database import open_database
from models.stores import open_stores
from models.times import utc_milliseconds
from settings import Settings
from tests.operation.conftest import ROOT, Terminal, wait_until

pytestmark = pytest.mark.slow  # each case starts the program


def roll(*users: dict[str, str]) -> str:
    return "".join(json.dumps(user) + "\n" for user in users)


def names(terminal: Terminal) -> list[str]:
    return [line.split("\t")[3] for line in terminal.lines("user", "list")]


def test_the_users_of_a_file_are_made_in_their_order(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(roll({"username": "ada"}, {"username": "Zoë", "profile_image_url": "https://example.org/z.png"}))
    assert terminal.lines("user", "import", str(file)) == ["imported 2 users, ids 1 to 2"]
    assert names(terminal) == ["ada", "Zoë"]


@pytest.mark.parametrize("bad", ["nonsense\n", roll({"username": "ADA"}), roll({"username": "x", "role": "admin"})])
def test_a_bad_line_is_named_and_nothing_of_the_file_is_taken(terminal: Terminal, bad: str) -> None:
    done = terminal.run("user", "import", "-", stdin=roll({"username": "ada"}) + bad)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("line 2: ")
    assert done.stderr.endswith("no user was created\n")
    assert "Traceback" not in done.stderr
    assert names(terminal) == []


def test_a_name_taken_in_the_store_is_named_and_nothing_of_the_file_is_taken(terminal: Terminal) -> None:
    terminal.import_users("ada")
    done = terminal.run("user", "import", "-", stdin=roll({"username": "bob"}, {"username": "Ada"}))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "line 2: the name 'Ada' is taken"
    assert names(terminal) == ["ada"]


def test_a_terminal_gets_a_progress_bar_and_a_table(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(roll({"username": "ada", "password": "correct horse"}, {"username": "[b]bob[/b]"}))
    shown = terminal.shown("user", "import", str(file))
    assert "hashing passwords" in shown
    assert "2/2" in shown
    table = terminal.shown("user", "list")
    assert "last seen" in table
    assert "[b]bob[/b]" in table


def test_an_empty_file_makes_nobody(terminal: Terminal) -> None:
    assert terminal.lines("user", "import", "-", stdin="\n") == ["there are no users in the file"]


def test_a_file_that_is_not_there_is_said_in_words(terminal: Terminal) -> None:
    done = terminal.run("user", "import", "nowhere.jsonl")
    assert done.returncode == 2
    assert "nowhere.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_opened_is_said_in_words(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    done = terminal.run("user", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_ten_thousand_users_are_imported_and_listed(terminal: Terminal) -> None:
    terminal.import_users(*(f"user {number}" for number in range(10_000)))
    listed = terminal.lines("user", "list")
    assert [line.split("\t")[0] for line in listed] == [str(number) for number in range(1, 10_001)]


def test_a_limit_ends_the_list(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob", "eve")
    assert len(terminal.lines("user", "list", "--limit", "2")) == 2
    assert len(terminal.lines("user", "tokens", "--limit", "1")) == 1


def test_a_reader_who_goes_away_ends_the_list_quietly(terminal: Terminal) -> None:
    terminal.import_users(*(f"user {number}" for number in range(3000)))
    with subprocess.Popen(
        [sys.executable, "server.py", "user", "tokens"],
        cwd=ROOT, env=terminal.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""


def test_users_who_are_imported_are_known_to_a_running_server(terminal: Terminal) -> None:
    terminal.serve()
    terminal.import_users("ada")
    token = terminal.tokens()[1]
    wait_until(lambda: terminal.ask("GET", "/users/me/status", token)[0] == 200)
    assert terminal.ask("GET", "/users/me", token)[1]["username"] == "ada"


def test_who_has_a_password_logs_in_by_it_and_who_has_none_does_not(terminal: Terminal) -> None:
    terminal.lines(
        "user", "import", "-", stdin=roll({"username": "ada", "password": "correct horse"}, {"username": "bob"})
    )
    terminal.serve()
    assert terminal.ask("POST", "/auth/login", body={"username": "ada", "password": "correct horse"})[0] == 200
    for password in ("", "None", "null"):
        assert terminal.ask("POST", "/auth/login", body={"username": "bob", "password": password})[0] == 401


@pytest.mark.slow
def test_a_disabled_user_loses_sockets_and_tokens(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    token = terminal.tokens()[1]
    terminal.serve()
    watch = terminal.start("watch", "--token", "-", stdin=token + "\n")
    watch.wait_for("ada")
    assert terminal.lines("user", "disable", "1") == ["disabled user 1, ada"]
    assert watch.wait() == 1
    assert "4501" in watch.text()
    assert terminal.ask("GET", "/users/me/status", token)[0] == 401
    assert [line.split("\t")[1] for line in terminal.lines("user", "list")] == ["disabled", "offline"]
    assert list(terminal.tokens()) == [2]


def test_disabling_nobody_is_said_in_words(terminal: Terminal) -> None:
    done = terminal.run("user", "disable", "7")
    assert (done.returncode, done.stderr) == (1, "Error: there is no user 7\n")


@pytest.mark.slow
def test_tokens_have_a_login_each_and_live_as_long_as_asked(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    terminal.serve()
    short = {int(line.split()[0]): line.split()[1] for line in terminal.lines("user", "tokens", "--minutes", "1")}
    assert list(short) == [1, 2]
    assert terminal.ask("POST", "/auth/logout", short[1])[0] == 200
    assert terminal.ask("GET", "/users/me", short[1])[0] == 401
    assert terminal.ask("GET", "/users/me", short[2])[0] == 200
    assert terminal.ask("GET", "/users/me", terminal.tokens()[1])[0] == 200
    assert terminal.run("user", "tokens", "--minutes", "0").returncode == 2


def test_tokens_have_the_users_version_so_that_a_sign_out_everywhere_does_not_refuse_new_ones(
    terminal: Terminal,
) -> None:
    terminal.import_users("ada")
    asyncio.run(sign_out_everywhere(terminal.folder / "data", 1))
    terminal.serve()
    assert terminal.ask("GET", "/users/me", terminal.tokens()[1])[0] == 200


async def sign_out_everywhere(data_dir: Path, user_id: int) -> None:
    settings = Settings(data_dir=data_dir, jwt_secret="s" * 32)
    database = await open_database(settings)
    await (await open_stores(database, settings)).users.revoke_tokens(user_id, utc_milliseconds(datetime.now(UTC)))
    await database.close()
