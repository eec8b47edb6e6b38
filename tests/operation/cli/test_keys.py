"""`key add`, `key list` and `key revoke`, also while a server is running."""

from __future__ import annotations

import re

import pytest

from tests.operation.conftest import Terminal, wait_until
from tests.secrets_seen import SecretsSeen

pytestmark = pytest.mark.slow  # each case starts the program


def add(terminal: Terminal, name: str, scope: str = "read") -> str:
    """Add a key. Returns its text."""
    (text,) = terminal.lines("key", "add", name, "--scope", scope)
    return text


def listed(terminal: Terminal) -> list[list[str]]:
    """Return [scope, state, when last used, name] of every key."""
    cells = [line.split("\t") for line in terminal.lines("key", "list")]
    return [[*each[1:3], each[4], each[5]] for each in cells]


def test_a_key_is_shown_once_alone_on_standard_output_and_not_in_the_list(terminal: Terminal) -> None:
    done = terminal.run("key", "add", "backend", "--scope", "write")
    assert re.fullmatch(r"rk_[0-9A-Za-z]{49}\n", done.stdout)
    assert "backend (write)" in done.stderr
    assert done.stdout.strip() not in "".join(terminal.lines("key", "list"))
    assert listed(terminal) == [["write", "active", "never", "backend"]]


def test_a_terminal_gets_a_table(terminal: Terminal) -> None:
    add(terminal, "backend")
    head, row = terminal.shown("key", "list").splitlines()
    assert all(name in head for name in ("id", "scope", "state", "added", "last used", "name"))
    assert "backend" in row


def test_wrong_names_and_scopes_are_refused(terminal: Terminal) -> None:
    for arguments in (["", "--scope", "read"], [" x", "--scope", "read"], ["x" * 65, "--scope", "read"],
                      ["a\nb", "--scope", "read"], ["x", "--scope", "all"], ["x"]):  # fmt: skip
        assert terminal.run("key", "add", *arguments).returncode == 2, arguments
    add(terminal, "backend")
    taken = terminal.run("key", "add", "backend", "--scope", "admin")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr == "Error: There is already a key named backend. Choose another name.\n"
    missing = terminal.run("key", "revoke", "nobody")
    assert (missing.returncode, missing.stderr) == (1, "Error: there is no key nobody\n")


def test_watch_takes_a_key(terminal: Terminal, secrets_seen: SecretsSeen) -> None:
    terminal.import_users("ada")
    text = add(terminal, "backend")
    secrets_seen.note(text)
    terminal.serve()
    watch = terminal.start("watch", "--token", "-", stdin=text + "\n")
    wait_until(lambda: 'channel="service_keys"} 1' in terminal.ask("GET", "/metrics")[1])
    terminal.ask("POST", "/users/me/heartbeat", terminal.tokens()[1])
    watch.wait_for("ada")
    terminal.lines("key", "revoke", "backend")
    assert watch.wait() == 1
    assert "service key revoked (4501)" in watch.text()
    assert text not in watch.text()


def test_a_running_server_takes_a_new_key_at_once_and_refuses_it_soon_after_it_was_revoked(
    terminal: Terminal, secrets_seen: SecretsSeen
) -> None:
    terminal.serve()
    text = add(terminal, "backend")
    secrets_seen.note(text)
    assert terminal.ask("GET", "/feed/stats", text)[0] == 200
    assert terminal.lines("key", "revoke", "backend") == ["revoked key backend"]
    wait_until(lambda: terminal.ask("GET", "/feed/stats", text)[0] == 401)
    ((scope, state, used, name),) = listed(terminal)
    assert (scope, state, name) == ("read", "revoked", "backend")
    assert used != "never"
    (again,) = terminal.lines("key", "revoke", "backend")
    assert re.fullmatch(r"key backend was already revoked, at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", again)
