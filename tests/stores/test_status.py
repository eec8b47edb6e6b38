"""Status: derived from claims and evidence, and which of its changes are announced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from models.status import Claims, Profile, Status, differs, status_of
from tests.realtime.world import NOON

WHO = Profile(1, "user1", None)
SOON = NOON + timedelta(minutes=5)


def a_status(claims: Claims | None = None, *, alive: bool = True) -> Status:
    return status_of(WHO, claims or Claims(), alive=alive, last_seen=NOON)


@pytest.mark.parametrize(
    ("claims", "alive", "online", "busy", "available"),
    [
        (Claims(), True, True, False, True),
        (Claims(), False, False, False, False),
        (Claims(set_offline=True), True, False, False, False),
        (Claims(set_busy=True), True, True, True, False),
        (Claims(set_busy=True), False, False, True, False),
        (Claims(call_id="c"), True, True, True, False),
        (Claims(call_id="c", set_offline=True), True, False, True, False),
    ],
)
def test_a_status_follows_from_claims_and_evidence(
    claims: Claims, alive: bool, online: bool, busy: bool, available: bool
) -> None:
    status = a_status(claims, alive=alive)
    assert (status.is_online, status.is_busy, status.is_available) == (online, busy, available)


def test_a_call_hides_until_when_the_user_set_busy() -> None:
    assert a_status(Claims(set_busy=True, busy_until=SOON, call_id="c")).busy_until is None
    assert a_status(Claims(set_busy=True, busy_until=SOON)).busy_until == SOON


def test_last_seen_alone_is_no_news() -> None:
    assert not differs(a_status(), msgspec.structs.replace(a_status(), last_seen=SOON))


@pytest.mark.parametrize(
    "change",
    [
        {"is_online": False},
        {"is_busy": True},
        {"busy_until": SOON},
        {"username": "other"},
        {"profile_image_url": "https://example.com/a.png"},
    ],
)
def test_everything_else_is(change: dict[str, Any]) -> None:
    assert differs(a_status(), msgspec.structs.replace(a_status(), **change))


def test_only_users_of_another_program_have_an_external_id_in_their_status() -> None:
    without = status_of(WHO, Claims(), alive=True, last_seen=NOON)
    with_one = status_of(msgspec.structs.replace(WHO, external_id="auth0|1"), Claims(), alive=True, last_seen=NOON)
    assert "external_id" not in msgspec.to_builtins(without)
    assert msgspec.to_builtins(with_one) == {**msgspec.to_builtins(without), "external_id": "auth0|1"}
