"""What is recorded for webhooks, in which order, and what happens when there is too much."""

from __future__ import annotations

import msgspec
import pytest

from models.status import Profile, StatusChange
from realtime.presence.log import OperatorAction, Proposal
from realtime.webhooks.event import ActionData, CallData, DeletedData, StatusData, UserRef
from realtime.webhooks.parts import WebhookParts
from tests.realtime.cluster.world import ClusterWorld
from tests.realtime.webhooks.conftest import make_world, parts_of
from tests.realtime.world import World
from tests.receiver import SECRET


def types(parts: WebhookParts) -> list[str]:
    return [event.type for event in parts.recorder.first(1000)]


def test_nothing_is_recorded_while_webhooks_are_off() -> None:
    world = World(1)
    assert world.core.webhooks is None
    world.close()


def test_every_announced_status_is_recorded_with_its_seq_and_reason(world: World, parts: WebhookParts) -> None:
    world.put(1, is_busy=True)
    world.connect(2)
    events = parts.recorder.first(10)
    assert [(event.type, event.seq) for event in events] == [("status.changed", 1), ("status.changed", 2)]
    first, second = (event.data for event in events)
    assert isinstance(first, StatusData)
    assert (first.user_id, first.status.is_busy, first.reason, first.operator) == (1, True, "set", msgspec.UNSET)
    assert isinstance(second, StatusData)
    assert (second.user_id, second.status.is_online, second.reason) == (2, True, "connected")
    assert {event.epoch for event in events} == {world.core.changes.epoch}
    assert events[0].id < events[1].id


def test_the_operator_who_changed_a_status_is_named(world: World, parts: WebhookParts) -> None:
    world.run(world.core.presence.change(1, StatusChange(is_busy=True), by="maya"))
    (event,) = parts.recorder.first(10)
    assert isinstance(event.data, StatusData)
    assert (event.data.reason, event.data.operator) == ("operator", "maya")


def test_a_call_is_recorded_after_the_statuses_of_its_participants(world: World, parts: WebhookParts) -> None:
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    world.hang_up(2, call)
    assert types(parts)[2:] == [
        "status.changed", "status.changed", "call.started", "status.changed", "status.changed", "call.ended",
    ]  # fmt: skip
    started, ended = (event for event in parts.recorder.first(10) if event.type.startswith("call"))
    assert isinstance(started.data, CallData)
    assert (started.data.call, started.data.caller) == (call, UserRef(1, "user1"))
    assert isinstance(ended.data, CallData)
    assert (ended.data.call.end_reason, ended.data.callee) == ("completed", UserRef(2, "user2"))
    assert (started.seq, ended.seq) == (4, 6)
    assert started.subject == (call.call_id, "call.started")


def test_what_an_operator_did_is_recorded_with_the_users(world: World, parts: WebhookParts) -> None:
    world.core.log.append(Proposal((), "operator", action=OperatorAction((1, 2), "end_call", "maya")))
    (event,) = parts.recorder.first(10)
    assert event.data == ActionData("end_call", "maya", [UserRef(1, "user1"), UserRef(2, "user2")])
    assert event.subject is None


def test_a_new_user_is_told_of_once_as_created(world: World, parts: WebhookParts) -> None:
    world.users.add(3, world.time.wall())
    world.core.loader.add(world.users.rows[3])
    world.put(3, is_busy=True)
    assert types(parts) == ["user.created", "status.changed"]


def test_a_user_who_is_deleted_is_told_of_by_the_external_id(world: World, parts: WebhookParts) -> None:
    world.rename(Profile(1, "ada", None, "ext-ada"))
    world.put(2, is_busy=True)
    world.run(world.core.membership.delete(1))
    event = parts.recorder.first(10)[-1]
    assert (event.type, event.subject, event.seq) == ("user.deleted", 1, world.core.changes.seq)
    assert event.data == DeletedData(1, "ext-ada")
    assert types(parts) == ["status.changed", "status.changed", "user.deleted"]


def test_records_that_are_read_anew_have_to_be_compared(parts: WebhookParts) -> None:
    assert not parts.recorder.must_compare
    parts.recorder.skipped()
    assert parts.recorder.must_compare
    parts.recorder.begin_comparison()
    assert not parts.recorder.must_compare


def test_a_new_name_is_a_change_of_the_status(world: World, parts: WebhookParts) -> None:
    world.rename(Profile(1, "ada", None))
    (event,) = parts.recorder.first(10)
    assert isinstance(event.data, StatusData)
    assert event.data.status.username == "ada"


def test_events_that_are_stored_are_forgotten(world: World, parts: WebhookParts) -> None:
    world.put(1, is_busy=True)
    world.put(1, is_busy=False)
    first = parts.recorder.first(1)
    parts.recorder.stored(first)
    assert len(parts.recorder) == 1
    parts.recorder.stored(first)
    assert len(parts.recorder) == 1


@pytest.fixture
def small() -> World:
    """A world whose recorder holds two events."""
    world = make_world(3, webhook_batch_events=2, webhook_unsaved_events=2)
    parts_of(world).recorder.begin_telling("")
    return world


def test_a_teller_with_too_many_events_drops_all_until_a_comparison_begins(small: World) -> None:
    recorder = parts_of(small).recorder
    for user_id in (1, 2, 3, 1):
        small.put(user_id, is_busy=not small.status(user_id).is_busy)
    assert (len(recorder), recorder.has_lost) == (0, True)
    assert recorder.begin_comparison() == 4
    small.put(2, is_busy=False)
    assert (len(recorder), recorder.has_lost, recorder.is_touched(2), recorder.is_touched(1)) == (1, False, True, False)
    recorder.end_comparison()
    assert not recorder.is_touched(2)
    small.close()


def test_a_comparison_has_the_seq_of_the_oldest_event_that_waits(small: World) -> None:
    recorder = parts_of(small).recorder
    small.put(1, is_busy=True)
    small.put(2, is_busy=True)
    assert recorder.begin_comparison() == 1
    assert recorder.is_touched(1)
    small.close()


def test_a_server_that_does_not_tell_keeps_the_latest_events(small: World) -> None:
    recorder = parts_of(small).recorder
    recorder.stop_telling()
    for user_id in (1, 2, 3):
        small.put(user_id, is_busy=True)
    kept = recorder.first(10)
    assert [event.subject for event in kept] == [2, 3]
    recorder.begin_telling(kept[0].id)
    assert [event.subject for event in recorder.first(10)] == [3]
    small.close()


def test_a_new_teller_starts_without_events_if_some_were_dropped_that_nobody_stored(small: World) -> None:
    recorder = parts_of(small).recorder
    recorder.stop_telling()
    for user_id in (1, 2, 3):
        small.put(user_id, is_busy=True)
    recorder.begin_telling("")
    assert len(recorder) == 0
    small.close()


def test_only_a_teller_is_woken(small: World) -> None:
    recorder, woken = parts_of(small).recorder, list[int]()
    recorder.on_event = lambda: woken.append(1)
    small.put(1, is_busy=True)
    recorder.stop_telling()
    small.put(1, is_busy=False)
    assert woken == [1]
    small.close()


def test_all_servers_that_share_a_log_record_the_same_events_under_the_same_ids() -> None:
    cluster = ClusterWorld(nodes=2, users=2, webhook_url="https://example.org/", webhook_secret=SECRET)
    parts = [node.core.webhooks for node in cluster.nodes]
    assert parts[0] is not None
    assert parts[1] is not None
    for each in parts:
        assert each is not None
        assert each.recorder.must_compare, "all records were just read"
        each.recorder.start()
    cluster.nodes[0].put(1, is_busy=True)
    cluster.nodes[1].put(2, is_busy=True)
    cluster.settle()
    told = [[(event.id, event.subject, event.seq) for event in each.recorder.first(10)] for each in parts if each]
    assert len(told[0]) == 2
    assert told[0] == told[1]
    apart = parts[0].differences._ids.apart("x")
    assert told[0][-1][0] < apart
    assert parts[1].differences._ids.apart("y") != apart
    cluster.close()
