"""Change log: numbers that rise by one, and the latest change of each user."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.status import Claims, Profile, Status, status_of
from realtime.presence.changelog import ChangeLog
from tests.realtime.world import NOON


def a_status(user_id: int) -> Status:
    return status_of(Profile(user_id, f"user{user_id}", None), Claims(), alive=True, last_seen=NOON)


def filled(*user_ids: int) -> ChangeLog:
    log = ChangeLog("now")
    for user_id in user_ids:
        log.append(a_status(user_id), "set")
    return log


def test_numbers_rise_by_one() -> None:
    log = ChangeLog("now")
    assert [log.append(a_status(1), "set").seq for _ in range(3)] == [1, 2, 3]


def test_a_change_carries_the_frame_that_tells_it() -> None:
    change = filled().append(a_status(7), "heartbeat")
    message = json.loads(change.frame[4:])
    assert (message["type"], message["user_id"], message["seq"]) == ("user_status_update", 7, 1)
    assert (message["reason"], message["status"]["username"]) == ("heartbeat", "user7")


def test_who_was_away_gets_each_user_once_in_order_of_the_latest() -> None:
    assert [(each.seq, each.user_id) for each in filled(1, 2, 1, 3).since(1)] == [(2, 2), (3, 1), (4, 3)]


def test_who_is_up_to_date_gets_nothing() -> None:
    assert filled(1, 2).since(2) == []


@given(st.lists(st.integers(1, 4)), st.integers(0, 20))
def test_since_is_what_a_list_of_all_changes_would_give(user_ids: list[int], seq: int) -> None:
    latest = {user_id: place for place, user_id in enumerate(user_ids, start=1)}
    expected = sorted(place for place in latest.values() if place > seq)
    assert [each.seq for each in filled(*user_ids).since(seq)] == expected


def test_the_latest_number_of_a_user_is_that_of_the_last_change() -> None:
    log = filled(1, 2, 1)
    assert [log.latest_seq(user_id) for user_id in (1, 2, 3)] == [3, 2, 0]


def test_changes_of_tags_stand_beside_the_latest_change_of_their_user() -> None:
    log = filled(1)
    log.append(a_status(1), "set", tags=("a",), is_quiet=True)
    log.append(a_status(1), "set", tags=("b",), tags_before=("a",))
    log.append(a_status(2), "set")
    assert [each.seq for each in log.since(0)] == [3, 4]
    assert [each.seq for each in log.since_with_moves(1)] == [2, 3, 4]


def test_a_change_of_tags_alone_hides_no_change_of_status() -> None:
    log = filled(1)
    log.append(a_status(1), "set", tags=("a",), is_quiet=True)
    assert [each.seq for each in log.since(0)] == [1]
    assert log.latest_seq(1) == 1


def test_changes_of_tags_are_kept_until_everyone_has_them_or_their_epoch_is_lost() -> None:
    log = ChangeLog("now")
    for seq in (5, 6, 7):
        log.append(a_status(1), "set", seq, tags=(str(seq),), is_quiet=True)
    log.forget_moves(5)
    assert [each.seq for each in log.moves] == [6, 7]
    log.seq = 6
    log.forget_moves(5)
    assert [each.seq for each in log.moves] == [6]


@pytest.mark.parametrize(
    ("epoch", "since", "resumes"),
    [
        ("now", 0, True),
        ("now", 2, True),
        ("now", 3, False),
        ("now", -1, False),
        ("now", None, False),
        ("then", 1, False),
        (None, 1, False),
        (None, None, False),
    ],
)
def test_only_a_number_of_this_epoch_can_be_resumed_from(epoch: str | None, since: int | None, resumes: bool) -> None:
    assert filled(1, 2).can_resume(epoch, since) is resumes
