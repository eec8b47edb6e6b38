"""Subject feeds: a page about one user, one call or some of the events is sent only what concerns it."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.dashboard import event_log
from realtime.dashboard.subjects import Subject
from realtime.protocol import CloseCode
from tests.realtime.calling import four_users
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import LivePage, pass_time, tell, watch
from tests.realtime.world import World

ADA = Subject("user", 1)
EVENTS = Subject("events")


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users, all of whom are connected."""
    world = make_world(4)
    four_users(world)
    tell(world)
    return world


def follow(world: World, subject: Subject, **given: Any) -> LivePage:
    """Open a page about a subject."""
    return watch(world, about=(subject, None), **given)


def whole(page: LivePage) -> dict[str, Any]:
    """Return the last message that has everything."""
    return page.messages("subject")[-1]


def updates(page: LivePage) -> list[dict[str, Any]]:
    """Return the updates that brought something."""
    return [each for each in page.messages("subject_update") if set(each) != {"type", "seq", "now"}]


def test_the_page_of_a_user_begins_with_everything_about_that_user(world: World) -> None:
    call = world.call(1, 2)
    page = follow(world, ADA)
    hello, first = page.messages()
    assert hello["type"] == "connection_established"
    facts = {"attention", "user", "sessions", "call", "issues"}
    assert set(first) == {"type", "seq", "now", "complete_since", "events", *facts}
    assert (first["user"]["user_id"], first["user"]["state"]) == (1, "busy")
    assert [each["channel"] for each in first["sessions"]] == ["presence"]
    assert (first["call"]["call_id"], first["call"]["callee_name"]) == (call.call_id, "user2")
    assert [each["kind"] for each in first["events"]] == ["available", "busy", "call_started"]


def test_it_is_sent_what_changes_of_the_user_and_nothing_of_others(world: World) -> None:
    page = follow(world, ADA)
    world.put(3, is_busy=True)
    tell(world)
    assert updates(page) == []
    world.put(1, is_busy=True)
    tell(world)
    (update,) = updates(page)
    assert set(update) == {"type", "seq", "now", "user", "events"}
    assert (update["user"]["state"], update["events"][0]["text"]) == ("busy", "user1 is busy")


def test_without_changes_there_is_a_sign_of_life_each_second_and_nothing_else(world: World) -> None:
    page = follow(world, ADA)
    pass_time(world, 5, page)
    assert updates(page) == []
    assert 5 <= len(page.messages("subject_update")) <= 6
    numbers = [each["seq"] for each in page.messages("subject_update")]
    assert numbers == list(range(whole(page)["seq"] + 1, whole(page)["seq"] + 1 + len(numbers)))


def test_such_a_page_does_not_make_the_server_follow_everything(world: World) -> None:
    page = follow(world, ADA)
    pass_time(world, 2, page)
    assert not world.core.overview_feed.is_watched
    assert page.messages("overview") == page.messages("overview_update") == []
    live = watch(world)
    assert world.core.overview_feed.is_watched
    live.operator_session.close(CloseCode.UNRESPONSIVE, "a test")
    assert not world.core.overview_feed.is_watched


def test_two_pages_about_one_user_are_told_once_and_the_same(world: World) -> None:
    one = follow(world, ADA)
    tell(world)
    world.put(1, is_busy=True)
    other = follow(world, ADA, name="noor")
    assert whole(other)["user"]["state"] == "busy"
    assert updates(one)[-1]["user"]["state"] == "busy", "what was pending came before the other page's first message"
    assert updates(one)[-1]["seq"] == whole(other)["seq"]
    world.put(1, is_busy=False)
    tell(world)
    assert updates(one)[-1] == updates(other)[-1]


def test_a_feed_ends_with_its_last_page(world: World) -> None:
    pages = [follow(world, ADA), follow(world, ADA, name="noor"), follow(world, EVENTS)]
    feeds = world.core.operator_sessions._subject_feeds
    lengths = []
    for page in pages:
        page.operator_session.close(CloseCode.UNRESPONSIVE, "a test")
        lengths.append(len(feeds))
    assert lengths == [2, 1, 0]


def test_the_page_of_a_call_is_told_its_end_and_who_ended_it(world: World) -> None:
    call = world.call(1, 2)
    page = follow(world, Subject("call", call_id=call.call_id))
    assert whole(page)["call"]["status"] == "ongoing"
    assert "user" not in whole(page)
    world.hang_up(2, call)
    tell(world)
    update = updates(page)[-1]
    assert (update["call"]["status"], update["call"]["ended_by"], update["call"]["ended_by_id"]) == (
        "completed",
        "user2",
        2,
    )
    assert update["call"]["why"] == "a participant hung up"
    assert [each["kind"] for each in update["events"]] == ["call_ended"]
    later = follow(world, Subject("call", call_id=call.call_id), name="noor")
    assert whole(later)["call"] == update["call"]


def test_a_call_that_nobody_looks_at_is_not_kept(world: World) -> None:
    call = world.call(1, 2)
    world.hang_up(2, call)
    page = follow(world, Subject("call", call_id=call.call_id))
    assert whole(page)["call"] is None


@pytest.mark.parametrize(
    ("subject", "seen"),
    [
        (EVENTS, ["call_started", "busy", "busy", "busy"]),
        (Subject("events", kind="busy"), ["busy", "busy", "busy"]),
        (Subject("events", user_id=2), ["call_started", "busy"]),
        (Subject("events", user_id=3, kind="busy"), ["busy"]),
        (Subject("events", user_id=4), []),
    ],
)
def test_the_events_page_is_told_the_events_that_it_is_filtered_by(
    world: World, subject: Subject, seen: list[str]
) -> None:
    page = follow(world, subject)
    world.call(1, 2)
    world.put(3, is_busy=True)
    tell(world)
    told = [event for each in updates(page) for event in each["events"]]
    assert sorted(event["kind"] for event in told) == sorted(seen)
    assert all({"user_id", "username", "text", "at", "cause"} <= set(event) for event in told)


def test_a_page_that_comes_back_gets_what_it_missed_or_learns_since_when_it_may_have_missed_something(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for times in range(30):
        world.advance(1)
        world.put(1, is_busy=times % 2 == 0)
    first = whole(follow(world, EVENTS))
    assert len(first["events"]) == 34
    assert first["complete_since"] <= first["events"][0]["at"], "nothing has happened before"
    feeds = world.core.operator_sessions._subject_feeds
    monkeypatch.setattr(feeds, "_events_shown", 10)
    cut = whole(follow(world, Subject("events", user_id=1)))
    assert len(cut["events"]) == 10
    assert cut["complete_since"] == cut["events"][0]["at"]


def test_of_very_many_events_only_the_latest_are_known(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "RECENT_EVENTS", 5)
    world = make_world(2, events_shown=3)
    world.connect(1)
    for times in range(8):
        world.advance(1)
        world.put(1, is_busy=times % 2 == 0)
    log = world.core.event_log
    assert (len(log.latest()), len(log.recent()), len(log.after(0))) == (3, 5, 5)
    assert log.complete_since == log.recent()[0].at
    assert whole(follow(world, EVENTS))["complete_since"] > 0


def test_a_deleted_user_leaves_the_page_of_the_user_and_the_names_of_others_are_outdated(world: World) -> None:
    page, events = follow(world, ADA), follow(world, EVENTS, name="noor")
    world.run(world.core.membership.delete(1))
    tell(world)
    (update,) = [each for each in updates(page) if "user" in each][-1:]
    assert (update["user"], update["sessions"]) == (None, [])
    assert [each["outdated"] for each in updates(events) if "outdated" in each] == [True]


def test_a_page_that_reads_too_slowly_gets_everything_again(make_world: MakeWorld) -> None:
    world = make_world(4, outbox_limit_bytes=65_536, announcements_per_second=1000)
    four_users(world)
    page = follow(world, EVENTS, kernel_bytes=4000)
    page.messages()
    page.transport.stall()
    for _ in range(20):
        world.advance(0.25)
        for times in range(40):
            world.put(1 + times % 4, is_busy=not world.status(1 + times % 4).is_busy)
        tell(world)
    assert page.operator_session.is_behind
    page.transport.resume()
    world.settle()
    assert not page.operator_session.is_behind
    assert len(page.messages("subject")) == 2


def test_a_subject_that_fails_does_not_keep_others_from_being_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, other = follow(world, ADA), follow(world, Subject("user", 2), name="noor")
    reader = world.core.operator_sessions._subject_feeds._reader
    facts = reader.facts

    def failing(subject: Subject, ended: Any = None) -> dict[str, Any]:
        if subject == ADA:
            raise ValueError("an unexpected row")
        return facts(subject, ended)

    monkeypatch.setattr(reader, "facts", failing)
    world.put(1, is_busy=True)
    world.put(2, is_busy=True)
    tell(world)
    assert "user" not in updates(page)[-1]
    assert updates(other)[-1]["user"]["state"] == "busy"


def test_a_user_without_a_socket_seems_unchanged_while_the_time_left_runs(make_world: MakeWorld) -> None:
    world = make_world(2, grace_seconds=30.0)
    world.lose(world.connect(1))
    page = follow(world, ADA)
    pass_time(world, 3, page)
    assert updates(page) == []
