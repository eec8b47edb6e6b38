"""What a comparison finds: all that changed and was not told, and nothing that is told anyway."""

from __future__ import annotations

from models.calls import Call
from models.webhook_told import ToldCall, ToldUser
from realtime.webhooks.differences import as_started
from realtime.webhooks.event import CallData, DeletedData, StatusData, WebhookEvent
from realtime.webhooks.parts import WebhookParts
from tests.realtime.webhooks.conftest import make_world, parts_of
from tests.realtime.world import World


def told_now(parts: WebhookParts) -> list[ToldUser]:
    """Return the notes that say that everything was told."""
    parts.differences.begin()
    told = parts.differences.baseline(0, 1000)
    parts.differences.end()
    return told


def compared(parts: WebhookParts, told: list[ToldUser], deleted: tuple[ToldUser, ...] = ()) -> list[WebhookEvent]:
    """Compare all users."""
    parts.differences.begin()
    found = parts.differences.of_users(told, 0, None, deleted)
    parts.differences.end()
    return found


def test_nothing_is_different_from_what_was_just_told(parts: WebhookParts) -> None:
    assert compared(parts, told_now(parts)) == []


def test_a_baseline_is_read_in_pages(parts: WebhookParts) -> None:
    parts.differences.begin()
    first = parts.differences.baseline(0, 1)
    second = parts.differences.baseline(first[0].user_id, 1)
    assert [each.user_id for each in (*first, *second)] == [1, 2]
    assert parts.differences.baseline(2, 1) == []


def test_a_status_that_was_not_told_is_different(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)
    world.put(2, is_busy=True)
    parts.recorder.stored(parts.recorder.first(10))
    (event,) = compared(parts, told)
    assert (event.type, event.seq) == ("status.changed", world.core.changes.seq)
    assert isinstance(event.data, StatusData)
    assert (event.data.user_id, event.data.status.is_busy, event.data.reason) == (2, True, "set")


def test_a_status_is_not_different_if_an_event_that_waits_tells_of_it(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)
    world.put(2, is_busy=True)
    assert compared(parts, told) == []


def test_a_status_that_changes_during_a_comparison_is_left_to_the_recorder(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)
    parts.differences.begin()
    world.put(2, is_busy=True)
    assert parts.differences.of_users(told, 0, None, ()) == []


def test_a_user_of_whom_nothing_was_told_is_new(world: World, parts: WebhookParts) -> None:
    (event,) = compared(parts, told_now(parts)[:1])
    assert (event.type, event.subject) == ("user.created", 2)


def test_a_new_user_is_told_of_before_a_change_that_waits(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)[:1]
    world.put(2, is_busy=True)
    (event,) = compared(parts, told)
    assert (event.type, event.subject) == ("user.created", 2)
    assert [each.type for each in parts.recorder.first(10)] == ["status.changed"]


def test_a_user_who_is_new_during_a_comparison_is_left_to_the_recorder(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)
    parts.differences.begin()
    created = world.run(world.core.membership.create_external("theirs", "cy", None))
    assert created.profile.user_id not in [each.user_id for each in told]
    parts.differences.end()
    assert compared(parts, told) == []


def test_a_user_who_is_gone_was_deleted_and_the_external_id_is_told(parts: WebhookParts) -> None:
    gone = ToldUser(9, "digest", "their-9")
    told = [*told_now(parts), gone]
    assert parts.differences.missing(told) == [gone]
    (event,) = compared(parts, told, (gone,))
    assert (event.type, event.data) == ("user.deleted", DeletedData(9, "their-9"))


def test_only_the_users_of_a_page_are_compared(parts: WebhookParts) -> None:
    parts.differences.begin()
    assert [each.subject for each in parts.differences.of_users([], 0, 1, ())] == [1]
    assert [each.subject for each in parts.differences.of_users([], 1, None, ())] == [2]


def test_the_operator_of_a_change_that_was_not_told_is_named(world: World, parts: WebhookParts) -> None:
    told = told_now(parts)
    entry = world.core.registry.get(1)
    world.put(1, is_busy=True)
    parts.recorder.stored(parts.recorder.first(10))
    world.edit(1, state=type(entry.state)("busy", entry.state.since, "operator", "maya"))
    (event,) = compared(parts, told)
    assert isinstance(event.data, StatusData)
    assert event.data.operator == "maya"


def test_the_end_of_a_call_whose_start_was_told_is_found(world: World, parts: WebhookParts) -> None:
    call = _ended_call(world, parts)
    note = ToldCall(call.call_id, False, call.started_at)
    parts.differences.begin()
    assert parts.differences.over([note]) == [call.call_id]
    (event,) = parts.differences.of_calls([call], {call.call_id: note})
    assert event.type == "call.ended"
    assert isinstance(event.data, CallData)
    assert event.data.call == call


def test_a_call_of_which_nothing_was_told_started_and_ended(world: World, parts: WebhookParts) -> None:
    call = _ended_call(world, parts)
    parts.differences.begin()
    assert parts.differences.unknown([call]) == [call]
    started, ended = parts.differences.of_calls([call], {})
    assert (started.type, ended.type) == ("call.started", "call.ended")
    assert isinstance(started.data, CallData)
    assert started.data.call == as_started(call)
    assert (started.data.call.status, started.data.call.ended_at) == ("ongoing", None)


def test_nothing_is_found_of_a_call_that_was_told(world: World, parts: WebhookParts) -> None:
    call = _ended_call(world, parts)
    parts.differences.begin()
    assert parts.differences.of_calls([call], {call.call_id: ToldCall(call.call_id, True, call.started_at)}) == []


def test_a_call_that_goes_on_has_only_started(world: World, parts: WebhookParts) -> None:
    call = _started_call(world, parts)
    parts.differences.begin()
    assert parts.differences.ongoing() == [call]
    assert parts.differences.unknown([call]) == []
    assert parts.differences.over([ToldCall(call.call_id, False, call.started_at)]) == []
    assert [event.type for event in parts.differences.of_calls([call], {})] == ["call.started"]


def test_a_start_that_was_lost_comes_before_the_end_that_waits(world: World, parts: WebhookParts) -> None:
    """The start was told by nobody, because the process before died. The recorder has the end."""
    call = _started_call(world, parts)
    ended = world.hang_up(1, call)
    parts.differences.begin()
    assert [event.type for event in parts.differences.of_calls([ended], {})] == ["call.started"]


def test_a_call_that_waits_to_be_told_is_left_to_the_recorder(world: World, parts: WebhookParts) -> None:
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    ended = world.hang_up(1, call)
    parts.differences.begin()
    assert parts.differences.of_calls([ended], {}) == []


def test_after_a_restart_exactly_what_was_lost_is_different() -> None:
    world = make_world(3)
    told = told_now(parts_of(world))
    world.put(1, is_busy=True)
    world.crash()
    world.start()
    (event,) = compared(parts_of(world), told)
    assert event.subject == 1
    world.close()


def _started_call(world: World, parts: WebhookParts) -> Call:
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    parts.recorder.stored(parts.recorder.first(100))
    return call


def _ended_call(world: World, parts: WebhookParts) -> Call:
    call = world.hang_up(1, _started_call(world, parts))
    parts.recorder.stored(parts.recorder.first(100))
    return call
