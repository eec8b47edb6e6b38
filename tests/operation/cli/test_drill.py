"""`drill`: many sockets lose their connection and come back, and the report says how."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from operation.address import parse_address
from operation.cli.drill import report_lines
from operation.cli.storm import Observer, StormReport
from operation.cli.storm_socket import StormSocket, UpgradeRefused
from tests.operation.conftest import Terminal

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
ADDRESS = parse_address("ws://localhost:8000")


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


class Connected:
    """A socket of the storm on a wire, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.losses = 0
        self.wire = Wire()
        self.socket = StormSocket(b"GET", self.heard.append, self._lose)
        self.socket.connection_made(self.wire)

    def _lose(self) -> None:
        self.losses += 1


def frame(head: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((head, length)) + payload
    if length < 65536:
        return bytes((head, 126)) + length.to_bytes(2, "big") + payload
    return bytes((head, 127)) + length.to_bytes(8, "big") + payload


def a_report(**changes: Any) -> StormReport:
    whole = {
        "sockets": 1000, "back": 1000, "seconds": 2.34, "p99_seconds": 2.3, "failed_attempts": 0, "false_offlines": 0,
        "pings": 40, "slowest_ping_seconds": 0.0123,
    }  # fmt: skip
    return StormReport(**{**whole, **changes})


@pytest.mark.parametrize("size", [1, 3, 70_000])
@pytest.mark.gen_test
async def test_messages_arrive_whole_in_whatever_pieces_they_come(size: int) -> None:
    connected = Connected()
    messages = [b"short", b"x" * 300, b"y" * 66_000]
    data = SWITCHED + b"".join(frame(0x81, message) for message in messages)
    for start in range(0, len(data), size):
        connected.socket.data_received(data[start : start + size])
    await connected.socket.opened()
    assert connected.heard == messages


@pytest.mark.gen_test
async def test_a_ping_of_the_server_is_answered_with_its_payload_under_a_mask() -> None:
    connected = Connected()
    connected.socket.data_received(SWITCHED + frame(0x89, b"abc"))
    assert connected.wire.written == [b"GET", b"\x8a\x83\0\0\0\0abc"]


@pytest.mark.gen_test
async def test_a_refused_upgrade_says_why_and_is_not_a_lost_socket() -> None:
    connected = Connected()
    connected.socket.data_received(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
    with pytest.raises(UpgradeRefused, match="429 Too Many Requests"):
        await connected.socket.opened()
    connected.socket.connection_lost(None)
    assert connected.losses == 0


@pytest.mark.gen_test
async def test_a_connection_that_ends_before_the_answer_is_an_error_and_one_that_ends_later_is_a_loss() -> None:
    early, late = Connected(), Connected()
    early.socket.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await early.socket.opened()
    late.socket.data_received(SWITCHED)
    late.socket.connection_lost(None)
    assert (early.losses, late.losses) == (0, 1)


def test_an_observer_counts_the_users_of_the_storm_who_are_announced_as_offline_and_nobody_else() -> None:
    observer = Observer(frozenset({1}))
    for user_id, is_online in ((1, "false"), (1, "true"), (2, "false")):
        text = f'{{"type":"user_status_update","user_id":{user_id},"status":{{"is_online":{is_online}}},"seq":1}}'
        observer.hear(text.encode())
    assert observer.offlines == 1


def test_a_report_names_what_is_missing() -> None:
    lines = "\n".join(report_lines(a_report(back=990), ADDRESS, 200))
    assert "1,000 sockets of 200 users lost their connection to ws://localhost:8000" in lines
    assert "without 10 sockets that did not come back" in lines
    assert "12 ms, of 40" in lines


@pytest.mark.parametrize(("changes", "passed"), [({}, True), ({"back": 999}, False), ({"false_offlines": 1}, False)])
def test_a_drill_is_passed_if_everybody_is_back_and_nobody_was_announced_as_offline(
    changes: dict[str, Any], passed: bool
) -> None:
    assert a_report(**changes).is_passed is passed


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("ws://localhost:8000", True),
        ("ws://127.0.0.1:8000", True),
        ("ws://[::1]:8000", True),
        ("wss://calls.example.org", False),
        ("ws://192.0.2.1:8000", False),
    ],
)
def test_only_addresses_of_this_machine_need_no_consent(url: str, is_loopback: bool) -> None:
    assert parse_address(url).is_loopback is is_loopback


def test_a_server_on_another_machine_is_left_alone_without_consent(terminal: Terminal) -> None:
    done = terminal.run("drill", "--url", "wss://calls.example.org")
    assert done.returncode == 2
    assert "add --yes" in done.stderr


def test_too_few_users_are_counted_before_anything_is_connected(terminal: Terminal) -> None:
    terminal.import_users("ada", "bob")
    done = terminal.run("drill", "--sockets", "30")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: 30 sockets need 10 users, and the store has 2 that are not disabled; add some with `user import`,"
        " or use fewer sockets\n"
    )


@pytest.mark.slow
def test_everybody_comes_back_to_a_server_on_this_machine(terminal: Terminal) -> None:
    terminal.import_users(*(f"user{number}" for number in range(30)))
    terminal.serve()
    done = terminal.run("drill", "--sockets", "60")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("60 sockets of 30 users lost their connection")
    assert "false offlines        0" in done.stdout


@pytest.mark.slow
def test_a_server_that_is_not_there_is_an_error_in_one_line(terminal: Terminal) -> None:
    terminal.import_users(*(f"user{number}" for number in range(10)))
    done = terminal.run("drill", "--sockets", "10")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: not every socket could connect before the storm:")
    assert len(done.stderr.splitlines()) == 1
