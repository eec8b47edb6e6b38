"""Listening: failures are reported with the setting, and connections wait while the loop is busy."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from chaos.ports import free_port
from operation import listening
from operation.listening import open_listening_sockets, open_probe_sockets
from settings import Settings, SettingsError
from tests.clients import Api
from tests.running import RunningServer

SHARED: dict[str, Any] = {
    "mongodb_url": "mongodb://localhost/",
    "redis_url": "redis://localhost/",
    "jwt_secret": "s" * 32,
    "reuse_port": True,
}
"""Settings of one of several servers that share a port."""

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


def test_what_stands_in_the_way_of_the_port_for_probes_is_said_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} is in use; set ROLLCALL_PROBE_PORT or --probe-port"):
            open_probe_sockets(Settings(probe_port=port))


def test_a_port_for_probes_is_opened_only_if_it_is_asked_for_or_the_other_port_is_shared() -> None:
    assert open_probe_sockets(Settings()) == []
    port = free_port()
    (named,) = open_probe_sockets(Settings(probe_port=port))
    (free,) = open_probe_sockets(Settings(**SHARED))
    assert named.getsockname()[1] == port
    assert free.getsockname()[1] > 0
    named.close()
    free.close()


def test_several_servers_listen_on_one_port_if_all_of_them_are_set_to() -> None:
    settings = Settings(**SHARED, port=free_port())
    (one,), (other,) = open_listening_sockets(settings), open_listening_sockets(settings)
    assert one.getsockname() == other.getsockname()
    with pytest.raises(SettingsError, match="in use"):
        open_listening_sockets(Settings(port=settings.port))
    one.close()
    other.close()


@pytest.mark.gen_test
@pytest.mark.any_store
async def test_hundreds_of_connections_wait_while_the_loop_is_busy(server: RunningServer, api: Api) -> None:
    """The test runs in the server's loop, so the server accepts nothing before the first `await`."""
    waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=0.5) for _ in range(CONNECTIONS)]
    assert (await api.get("/healthz")).status == 200
    for each in waiting:
        each.close()


def test_a_file_that_another_thread_opens_in_place_of_the_reserve_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    (listener,) = open_listening_sockets(Settings(port=0))
    really_open, of_others = os.open, list[int]()

    def accept(_listener: socket.socket) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    def open_for_another_at_first(path: str, flags: int) -> int:
        if of_others:
            return really_open(path, flags)
        of_others.append(really_open(path, flags))
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", accept)
    monkeypatch.setattr(listening.os, "open", open_for_another_at_first)
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert os.fstat(of_others[0])
    os.close(of_others[0])
    listener.close()


def test_connections_are_accepted_for_a_while_before_other_work_gets_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(listening.time, "monotonic", lambda: now)
    (listener,) = open_listening_sockets(Settings(port=0))
    waiting = [socket.create_connection(listener.getsockname()) for _ in range(4)]
    accepted = [listener.accept()[0]]
    now = listening.STRETCH_SECONDS
    accepted.append(listener.accept()[0])
    now += 0.001
    with pytest.raises(BlockingIOError):
        listener.accept()
    accepted += [listener.accept()[0] for _ in range(2)]
    with pytest.raises(BlockingIOError):
        listener.accept()
    for each in (*waiting, *accepted, listener):
        each.close()


def test_an_accepted_connection_sends_small_frames_without_delay() -> None:
    (listener,) = open_listening_sockets(Settings(port=0))
    with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    listener.close()
