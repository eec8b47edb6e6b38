"""Claims: what a user may request, and its effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from models.errors import Invalid
from models.status import Claims, Profile, StatusChange, applied, validated
from models.user_documents import StoredUser, claims_of
from tests.realtime.world import NOON

SOON = NOON + timedelta(minutes=5)


def stored(**fields: Any) -> StoredUser:
    user = StoredUser(Profile(1, "user1", None), NOON, False, None, False, None, None, False, NOON, None)
    return msgspec.structs.replace(user, **fields)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (StatusChange(), "at least one"),
        (StatusChange(is_busy=False, busy_until=SOON), "is_busy to be true"),
        (StatusChange(busy_until=datetime(2031, 1, 1)), "time zone"),  # noqa: DTZ001
        (StatusChange(busy_until=NOON), "past"),
        (StatusChange(busy_until=NOON + timedelta(microseconds=999)), "past"),
        (StatusChange(busy_until=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))), "out of range"),
        (StatusChange(busy_until=datetime(2200, 1, 1, tzinfo=UTC)), "before the year 2200"),
        (StatusChange(busy_until=datetime(9999, 12, 31, tzinfo=UTC)), "before the year 2200"),
        (StatusChange(busy_until=datetime(2200, 1, 1, 13, tzinfo=timezone(timedelta(hours=13)))), "before the year"),
        (StatusChange(busy_until=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))), "out of range"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(change: StatusChange, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        validated(change, NOON)


def test_busy_until_means_busy() -> None:
    assert validated(StatusChange(busy_until=SOON), NOON) == StatusChange(is_busy=True, busy_until=SOON)


def test_busy_until_is_kept_in_utc_to_the_millisecond() -> None:
    local = datetime(2031, 1, 1, 14, 0, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
    wanted = validated(StatusChange(busy_until=local), NOON)
    assert wanted.busy_until == datetime(2031, 1, 1, 12, 0, 0, 1000, tzinfo=UTC)


def test_a_change_without_a_time_stays_as_it_is() -> None:
    assert validated(StatusChange(is_busy=True), NOON) == StatusChange(is_busy=True)


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (Claims(), StatusChange(is_online=False), Claims(set_offline=True)),
        (Claims(set_offline=True), StatusChange(is_online=True), Claims()),
        (Claims(set_offline=True), StatusChange(is_busy=True), Claims(set_offline=True, set_busy=True)),
        (Claims(), StatusChange(is_busy=True, busy_until=SOON), Claims(set_busy=True, busy_until=SOON)),
        (Claims(set_busy=True, busy_until=SOON), StatusChange(is_busy=True), Claims(set_busy=True)),
        (Claims(set_busy=True, busy_until=SOON), StatusChange(is_busy=False), Claims()),
        (Claims(set_busy=True, busy_until=SOON), StatusChange(busy_until=None), Claims(set_busy=True)),
        (Claims(), StatusChange(busy_until=None), Claims()),
        (Claims(call_id="c"), StatusChange(is_busy=False), Claims(call_id="c")),
    ],
)
def test_a_change_moves_only_what_it_names(before: Claims, wanted: StatusChange, after: Claims) -> None:
    assert applied(before, wanted) == after


@pytest.mark.parametrize(
    ("user", "claims"),
    [
        (stored(), Claims()),
        (stored(offline_set_at=NOON), Claims(set_offline=True)),
        (stored(offline_set_at=NOON, heartbeat_at=NOON - timedelta(seconds=1)), Claims(set_offline=True)),
        (stored(offline_set_at=NOON, heartbeat_at=NOON), Claims(set_offline=True)),
        (stored(offline_set_at=NOON, heartbeat_at=NOON + timedelta(seconds=1)), Claims()),
        (stored(set_busy=True), Claims(set_busy=True)),
        (stored(set_busy=True, busy_until=SOON), Claims(set_busy=True, busy_until=SOON)),
        (stored(set_busy=True, busy_until=NOON), Claims()),
    ],
)
def test_a_stored_user_has_the_claims_that_still_stand(user: StoredUser, claims: Claims) -> None:
    assert claims_of(user, NOON) == claims
