"""Event text: events as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from models.events import Event
from realtime.dashboard.event_text import event_details, event_row
from realtime.dashboard.rows import EventRow
from tests.realtime.world import NOON


def event(kind: Any, cause: str, **fields: Any) -> Event:
    return Event("1", NOON, kind, 7, "ann", cause, **fields)


@pytest.mark.parametrize(
    ("kind", "cause", "operator", "text"),
    [
        ("available", "connected", "", "ann came online"),
        ("available", "set", "", "ann is available"),
        ("available", "call_ended", "", "ann is available again"),
        ("available", "operator", "maya", "ann was made available by maya"),
        ("busy", "call_started", "", "ann is on a call"),
        ("busy", "set", "", "ann is busy"),
        ("busy", "heartbeat", "", "ann came online, busy"),
        ("offline", "disconnected", "", "ann went offline: connection lost"),
        ("offline", "timed_out", "", "ann timed out"),
        ("offline", "set", "", "ann went offline"),
        ("offline", "operator", "", "ann was disconnected"),
        ("offline", "operator", "maya", "ann was forced offline by maya"),
        ("action", "force_offline", "maya", "maya forced ann offline"),
        ("action", "clear_busy", "maya", "maya cleared busy of ann"),
        ("action", "unheard_of", "maya", "maya acted on ann"),
    ],
)
def test_a_change_reads_as_a_sentence(kind: str, cause: str, operator: str, text: str) -> None:
    assert event_row(event(kind, cause, operator=operator)).text == text


@pytest.mark.parametrize(
    ("kind", "cause", "operator", "seconds", "text"),
    [
        ("call_started", "audio", "", None, "ann called bob"),
        ("call_ended", "completed", "", 724, "ann and bob ended their call after 12 min 4 s"),
        ("call_ended", "dropped", "", 5410, "ann and bob were cut off after 1 h 30 min 10 s"),
        ("call_ended", "cancelled", "", 3, "ann cancelled the call to bob after 3 s"),
        ("call_ended", "else", "", None, "ann and bob ended their call"),
        ("call_ended", "dropped", "maya", 60, "maya ended the call of ann and bob after 1 min"),
    ],
)
def test_a_call_reads_as_a_sentence(kind: str, cause: str, operator: str, seconds: int | None, text: str) -> None:
    call = event(kind, cause, operator=operator, other_id=8, other_name="bob", call_id="c", duration_seconds=seconds)
    assert event_row(call).text == text


def test_a_party_without_a_name_has_a_number() -> None:
    assert event_row(event("call_started", "audio", other_id=8, call_id="c")).text == "ann called user 8"


def test_a_row_says_what_and_whom_it_is_about() -> None:
    row = event_row(event("call_started", "audio", other_id=8, other_name="bob", call_id="c"))
    assert row == EventRow("1", 1893499200000, "call_started", "ann called bob", 7, "c")


def test_hours_are_shown_from_one_on() -> None:
    calls = [event("call_ended", "completed", other_name="bob", duration_seconds=each) for each in (0, 3599, 3600)]
    assert [event_row(call).text.rpartition(" after ")[2] for call in calls] == ["0 s", "59 min 59 s", "1 h"]


@pytest.mark.parametrize(
    ("kind", "cause", "operator", "words"),
    [
        ("busy", "set", "", "set by the user"),
        ("available", "heartbeat", "", "first heartbeat"),
        ("offline", "timed_out", "", "no heartbeat in time"),
        ("offline", "operator", "", "disconnected"),
        ("offline", "operator", "maya", "forced offline"),
        ("available", "operator", "maya", "busy cleared"),
        ("call_started", "video", "", "video call"),
        ("call_ended", "completed", "", "a participant ended it"),
        ("call_ended", "completed", "maya", "ended"),
        ("action", "disconnect", "maya", "disconnected"),
        ("action", "unheard_of", "maya", "unheard of"),
    ],
)
def test_a_cause_is_in_words_that_the_operators_name_may_follow(
    kind: str, cause: str, operator: str, words: str
) -> None:
    details = event_details(event(kind, cause, operator=operator))
    assert (details.cause, details.operator) == (words, operator)
