"""Protocol: which messages are commands, and the format of frames."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol import (
    AnyCommand,
    CloseCode,
    Error,
    Heartbeat,
    Ping,
    Pong,
    Refresh,
    ServerDraining,
    Subscribe,
    Unsubscribe,
    decode,
    encode,
    frame,
    longest_message,
)
from settings import Settings
from tests.realtime.world import NOON


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"type":"ping"}', Ping()),
        ('{"type":"ping","timestamp":"2030-01-01T00:00:00Z"}', Ping(timestamp="2030-01-01T00:00:00Z")),
        ('{"type":"ping","timestamp":1.5}', Ping(timestamp=1.5)),
        ('{"type":"ping","timestamp":-7}', Ping(timestamp=-7)),
        ('{"type":"ping","timestamp":null}', Ping()),
        ('{"timestamp":1,"type":"ping"}', Ping(timestamp=1)),
        ('{"type":"heartbeat"}', Heartbeat()),
        ('{"type":"subscribe","subscription":"feed"}', Subscribe("feed")),
        ('{"type":"subscribe","subscription":"stats","updates_only":true}', Subscribe("stats", updates_only=True)),
        (
            '{"type":"subscribe","subscription":"presence","user_ids":[1,2],"snapshot":true}',
            Subscribe("presence", [1, 2], True),
        ),
        ('{"type":"unsubscribe","subscription":"calls"}', Unsubscribe("calls")),
        ('{"type":"refresh","token":"t"}', Refresh("t")),
        (' \n{"type":"ping"}\t', Ping()),
    ],
)
def test_a_command_is_understood(text: str, command: AnyCommand) -> None:
    assert decode(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ping",
        "null",
        "1",
        "[]",
        '"ping"',
        "{}",
        '{"type":null}',
        '{"type":1}',
        '{"type":"pong"}',
        '{"type":"Ping"}',
        '{"type":"error"}',
        '{"type":["ping"]}',
        '{"type":"ping"',
        '{"type":"ping"}{"type":"ping"}',
        '{"type":"ping","extra":1}',
        '{"type":"ping","timestamp":true}',
        '{"type":"ping","timestamp":[]}',
        '{"type":"ping","timestamp":{"$gt":""}}',
        '{"type":"ping","timestamp":NaN}',
        '{"type":"ping","timestamp":Infinity}',
        '{"type":"ping","timestamp":1e400}',
        '{"type":"ping","timestamp":"' + "x" * 65 + '"}',
        '{"type":"heartbeat","user_id":1}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","subscription":"everything"}',
        '{"type":"subscribe","subscription":null}',
        '{"type":"subscribe","subscription":["feed"]}',
        '{"type":"subscribe","subscription":"feed","user_ids":"1"}',
        '{"type":"subscribe","subscription":"feed","user_ids":[1.5]}',
        '{"type":"subscribe","subscription":"feed","user_ids":["1"]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[true]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[0]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[-1]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[9007199254740992]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[9223372036854775808]}',
        '{"type":"subscribe","subscription":"feed","user_ids":[[1]]}',
        '{"type":"subscribe","subscription":"feed","snapshot":1}',
        '{"type":"subscribe","subscription":"feed","snapshot":"true"}',
        '{"type":"unsubscribe"}',
        '{"type":"refresh"}',
        '{"type":"refresh","token":1}',
        '{"type":"refresh","token":null}',
        "[" * 100_000,
        '{"a":' * 1000 + "1" + "}" * 1000,
        '{"type":"ping","timestamp":"\ud800"}',
        '{"type":"ping","timestamp":"\\ud800"}',
        '{"type":"ping"}\0',
        "\ufeff" + '{"type":"ping"}',
    ],
)
def test_anything_else_is_an_invalid_message(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid message format"):
        decode(text)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_arrives_is_a_command_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(decode(text), get_args(AnyCommand))


@pytest.mark.parametrize("stamp", [0, -1, 2**53, 2**63, 2**64 - 1, 2**64, 10**30, 1.5, "now", ""])
def test_whatever_timestamp_is_understood_can_be_sent_back(stamp: Any) -> None:
    try:
        command = decode(json.dumps({"type": "ping", "timestamp": stamp}))
    except ValueError:
        return
    assert isinstance(command, Ping)
    assert json.loads(encode_stamp(command))["timestamp"] == stamp


def encode_stamp(command: Ping) -> bytes:
    assert command.timestamp is not None
    return encode(Pong(timestamp=command.timestamp, server_time=NOON))[2:]


@pytest.mark.parametrize(
    ("snapshot", "updates_only", "wanted"),
    [(None, None, False), (True, None, True), (False, None, False), (None, False, True), (None, True, False)],
)
def test_updates_only_asks_the_same_the_other_way_round(
    snapshot: bool | None, updates_only: bool | None, wanted: bool
) -> None:
    assert Subscribe("feed", None, snapshot, updates_only).wants_snapshot is wanted


@pytest.mark.parametrize(
    ("size", "start"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_is_unmasked_text_with_the_shortest_length(size: int, start: bytes) -> None:
    assert frame(b"x" * size) == start + b"x" * size


def test_a_message_names_its_type_first() -> None:
    assert encode(ServerDraining(reconnect_after_ms=5))[2:] == b'{"type":"server_draining","reconnect_after_ms":5}'


def test_an_error_carries_a_message_and_a_code_and_nothing_else() -> None:
    assert json.loads(encode(Error(message="No", code="AUTH_ERROR"))[2:]) == {
        "type": "error",
        "message": "No",
        "code": "AUTH_ERROR",
    }


def test_close_codes_say_whether_to_come_back() -> None:
    come_back = {CloseCode.UNRESPONSIVE, CloseCode.SLOW_CONSUMER, CloseCode.RATE_LIMITED, CloseCode.TOKEN_EXPIRED}
    stay_away = {CloseCode.REFUSED, CloseCode.REVOKED, CloseCode.REPLACED, CloseCode.PROTOCOL_VIOLATION}
    assert {each for each in CloseCode if 4000 <= each < 4500} == come_back
    assert {each for each in CloseCode if each >= 4500} == stay_away


def test_only_with_tokens_of_another_issuer_longer_messages_are_read() -> None:
    foreign = {"foreign_token_keys": "k", "foreign_token_issuer": "i", "foreign_token_audience": "a"}
    assert longest_message(Settings()) == 4096
    assert longest_message(Settings(**foreign)) == 8192 + 256
    assert longest_message(Settings(**foreign, message_limit_bytes=65536)) == 65536
