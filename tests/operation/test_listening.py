"""Why a server cannot listen, in words that name the setting."""

from __future__ import annotations

import errno

import pytest

from operation import listening
from operation.listening import open_listening_sockets
from settings import Settings, SettingsError


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
