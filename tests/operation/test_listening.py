"""Listening: failures are reported with the setting, and connections wait while the loop is busy."""

from __future__ import annotations

import errno
import socket

import pytest

from operation import listening
from operation.listening import open_listening_sockets
from settings import Settings, SettingsError
from tests.clients import Api
from tests.running import RunningServer

CONNECTIONS = 300
"""More than 128, which is Tornado's default backlog."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EADDRINUSE, "in use"), ["port 8000 is in use", "ROLLCALL_PORT", "--port"]),
        (PermissionError(errno.EACCES, "denied"), ["port 8000", "root", "ROLLCALL_PORT", "--port", "1024"]),
        (OSError(errno.EADDRNOTAVAIL, "no"), ["127.0.0.1 is not an address", "ROLLCALL_HOST", "--host"]),
        (OSError(errno.ENOBUFS, "No buffer space"), ["No buffer space", "ROLLCALL_HOST", "ROLLCALL_PORT"]),
        (UnicodeError("label too long"), ["'127.0.0.1' does not resolve", "ROLLCALL_HOST", "--host"]),
    ],
)
def test_what_stands_in_the_way_is_said_with_what_to_set(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: list[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(listening, "bind_sockets", refuse)
    with pytest.raises(SettingsError) as refused:
        open_listening_sockets(Settings())
    (problem,) = refused.value.problems
    assert all(word in problem for word in words), problem


def test_a_machine_without_the_addresss_family_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "bind_sockets", lambda *_, **__: [])
    with pytest.raises(SettingsError, match=r"no IPv6.*ROLLCALL_HOST"):
        open_listening_sockets(Settings(host="::1"))


def test_a_free_port_is_taken_when_none_is_named() -> None:
    sockets = open_listening_sockets(Settings(port=0))
    assert sockets[0].getsockname()[1] > 0
    for each in sockets:
        each.close()


@pytest.mark.gen_test
@pytest.mark.any_store
async def test_hundreds_of_connections_wait_while_the_loop_is_busy(server: RunningServer, api: Api) -> None:
    """The test runs in the server's loop, so the server accepts nothing before the first `await`."""
    waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=0.5) for _ in range(CONNECTIONS)]
    assert (await api.get("/healthz")).status == 200
    for each in waiting:
        each.close()
