"""What webhooks tell of issues: their beginning, who deals with them, and their end, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from models.times import from_milliseconds
from models.webhook_told import ToldIssue
from realtime.dashboard.event_text import explanation_in_words
from realtime.dashboard.rows import Explanation
from realtime.webhooks.batch import news_of
from realtime.webhooks.event import AcknowledgedData, IssueData, UserRef, WebhookEvent
from realtime.webhooks.issue_news import UNSEEN_SECONDS
from tests.realtime.operators import found
from tests.realtime.webhooks.conftest import make_world, parts_of
from tests.realtime.world import NOON, World


@pytest.fixture
def telling() -> Iterator[World]:
    """A world with three users on sockets, whose server tells. It has nothing to tell of issues yet."""
    world = make_world(3, long_call_seconds=60.0, heartbeat_life_seconds=1e4)
    for user_id in (1, 2, 3):
        world.connect(user_id)
    tell(world)
    yield world
    world.close()


def tell(world: World, told: tuple[IssueData, ...] = ()) -> None:
    """Let the server tell from now on."""
    parts = parts_of(world)
    parts.recorder.begin_telling("")
    parts.issue_news.begin(told)


def news(world: World) -> list[WebhookEvent]:
    """Return the events of issues that were recorded."""
    return [event for event in parts_of(world).recorder.first(1000) if isinstance(event.data, IssueData)]


def heard(world: World) -> list[tuple[str, str]]:
    found(world)
    return [(event.type, event.data.key) for event in news(world) if isinstance(event.data, IssueData)]


def acknowledge(world: World, seconds: float = 600.0) -> None:
    (issue,) = found(world)
    world.run(world.core.acknowledgements.add([issue.key], "maya", seconds))


def test_an_issue_is_told_when_it_begins_is_acknowledged_and_ends(telling: World) -> None:
    call = telling.call(1, 2)
    telling.advance(61)
    key = f"long_call:{call.call_id}"
    acknowledge(telling)
    (issue,) = found(telling)
    assert issue.acknowledged is not None
    telling.run(telling.core.acknowledgements.take_back([key]))
    telling.hang_up(1, call)
    assert heard(telling) == [
        ("attention.started", key),
        ("attention.acknowledged", key),
        ("attention.acknowledged", key),
        ("attention.ended", key),
    ]
    started, on_it, nobody, _ = (event.data for event in news(telling))
    assert started == IssueData(
        key=key,
        kind="long_call",
        text="On a call for 01:01 (limit 01:00)",
        since=call.started_at + timedelta(seconds=60),
        users=[UserRef(1, "user1"), UserRef(2, "user2")],
        call_id=call.call_id,
    )
    assert isinstance(on_it, IssueData)
    assert isinstance(on_it.acknowledged, AcknowledgedData)
    assert on_it.acknowledged.operator == "maya"
    assert nobody == started
    ids = [event.id for event in parts_of(telling).recorder.first(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_the_end_of_the_time_is_told_too(telling: World) -> None:
    telling.call(1, 2)
    telling.advance(61)
    acknowledge(telling, 300)
    telling.advance(301)
    found(telling)
    last = news(telling)[-1]
    assert last.type == "attention.acknowledged"
    assert isinstance(last.data, IssueData)
    assert last.data.acknowledged is msgspec.UNSET


def test_an_issue_of_one_user_names_the_user(telling: World) -> None:
    telling.users.change(3, set_busy=True)
    for _ in range(2):
        telling.run(telling.core.check_store())
    (event,) = news(telling)
    assert isinstance(event.data, IssueData)
    assert (event.data.users, event.data.call_id) == ([UserRef(3, "user3")], msgspec.UNSET)
    assert event.data.text == "Saved as busy, but shown as available"


def test_a_server_that_does_not_tell_says_nothing(telling: World) -> None:
    parts_of(telling).recorder.stop_telling()
    telling.call(1, 2)
    telling.advance(61)
    assert heard(telling) == []
    assert not parts_of(telling).issue_news.is_telling


def test_a_server_that_takes_over_goes_on_where_the_other_stopped(telling: World) -> None:
    call = telling.call(1, 2)
    telling.advance(61)
    found(telling)
    told = tuple(event.data for event in news(telling) if isinstance(event.data, IssueData))
    gone = msgspec.structs.replace(told[0], key="flapping:7")
    parts_of(telling).recorder.stored(parts_of(telling).recorder.first(1000))
    tell(telling, (*told, gone))
    assert heard(telling) == []
    telling.advance(UNSEEN_SECONDS)
    assert heard(telling) == [("attention.ended", "flapping:7")], "it may take a while until an issue is found again"
    telling.hang_up(1, call)
    assert heard(telling)[1:] == [("attention.ended", told[0].key)]


def test_when_events_were_dropped_the_issues_are_compared_anew(telling: World) -> None:
    parts = parts_of(telling)
    telling.call(1, 2)
    telling.advance(61)
    parts.recorder.has_lost = True
    assert heard(telling) == []
    assert not parts.issue_news.is_telling


def test_what_is_noted_of_issues_is_what_was_told_last_or_that_they_have_ended() -> None:
    data = IssueData("flapping:1", "flapping", "x", NOON, [])
    other = msgspec.structs.replace(data, key="flapping:2")

    def event(type: str, data: IssueData) -> WebhookEvent:
        return WebhookEvent("e", type, NOON, "epoch", 1, data)  # type: ignore[arg-type]

    (first, second) = news_of(
        [event("attention.started", data), event("attention.started", other), event("attention.ended", data)]
    ).issues
    assert first == ToldIssue("flapping:1", "")
    assert msgspec.json.decode(second.told, type=IssueData) == other


@pytest.mark.parametrize(
    ("explanation", "words"),
    [
        (Explanation("Saved as busy"), "Saved as busy"),
        (Explanation("Silent for", 0, tail=" on iPhone"), "Silent for 40 s on iPhone"),
        (Explanation("offline since", 0, "clock", " (timed out)"), "offline since 00:00 UTC (timed out)"),
        (Explanation("for", 100_000, "down"), "for 01:00"),
        (Explanation("for", 273_946_000, "down"), "for 3 d 4 h"),
    ],
)
def test_an_explanation_is_put_into_words(explanation: Explanation, words: str) -> None:
    assert explanation_in_words(explanation, from_milliseconds(40_000)) == words
