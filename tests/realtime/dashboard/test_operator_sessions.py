"""Operator sessions: sockets open, are kept up to date, and are closed with a reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from realtime.dashboard.operator_messages import encode_message
from realtime.protocol import CloseCode
from realtime.sockets.admission import LimitReached
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import pass_time, signed_in_operator, tell, watch
from tests.realtime.transports import FakeTransport
from tests.realtime.world import World


def test_the_first_messages_say_who_is_there_and_what_there_is(world: World) -> None:
    world.connect(1)
    screen = watch(world, name="maya", role="viewer")
    hello, overview = screen.messages()
    assert hello == {
        "type": "connection_established",
        "message": "Connected to the overview",
        "operator": "maya",
        "role": "viewer",
        "channel": "operators",
        "session_id": screen.operator_session.session_id,
        "epoch": world.core.changes.epoch,
        "seq": 0,
        "server_time": hello["server_time"],
        "heartbeat_interval": 30,
        "resumed": False,
        "version": "v1",
    }
    assert set(overview) == {
        "type", "seq", "now", "figures", "users", "calls", "history", "events", "contradictions"
    }  # fmt: skip
    assert overview["seq"] == hello["seq"]
    assert [each["state"] for each in overview["users"]] == ["available", "offline", "offline"]


def test_an_operators_socket_is_no_sign_of_anybodys_life(world: World) -> None:
    screen = watch(world)
    pass_time(world, 30, screen)
    assert world.core.registry.online == 0
    assert len(world.core.hub) == 0


def test_a_session_that_has_ended_is_not_pinged(world: World) -> None:
    screen = watch(world)
    screen.operator_session.close(CloseCode.UNRESPONSIVE, "a test")
    takes = screen.transport.takes
    screen.operator_session.ping(b"ping")
    assert screen.transport.takes == takes
    assert not screen.operator_session.awaits_pong


def test_without_changes_there_is_a_sign_of_life_each_second(world: World) -> None:
    screen = watch(world)
    tell(world)
    told = len(screen.updates())
    pass_time(world, 10, screen)
    empty = screen.updates()[told:]
    assert len(empty) == 10
    assert all(set(each) == {"type", "seq", "now"} for each in empty)


def test_a_change_is_told_at_the_next_moment(world: World) -> None:
    screen = watch(world)
    world.connect(1)
    tell(world)
    assert screen.fold()["users"][1]["state"] == "available"


def test_an_update_is_made_once_for_all(world: World) -> None:
    screens = [watch(world, name=f"operator{number}") for number in range(5)]
    made = world.core.overview_feed.seq
    world.connect(1)
    tell(world)
    assert world.core.overview_feed.seq == made + 1
    assert all(screen.updates()[-1] == screens[0].updates()[-1] for screen in screens)


def test_nothing_is_made_when_nobody_is_there(world: World) -> None:
    screen = watch(world)
    screen.operator_session.closed_by_peer(1001)
    made = world.core.overview_feed.seq
    world.connect(1)
    tell(world)
    assert world.core.overview_feed.seq == made
    assert not world.core.overview_feed.is_watched


def test_who_comes_stands_where_the_others_stand(world: World) -> None:
    first = watch(world)
    world.connect(1)
    second = watch(world, name="noor")
    assert first.fold() == second.fold()
    world.connect(2)
    tell(world)
    assert first.fold() == second.fold()


def test_events_that_were_in_the_overview_are_not_told_again(world: World) -> None:
    first = watch(world)
    world.connect(1)
    second = watch(world)
    tell(world)
    assert [each["text"] for each in second.fold()["events"]] == ["user1 came online"]
    assert [each["text"] for each in first.fold()["events"]] == ["user1 came online"]


def test_a_large_overview_comes_in_fragments(make_world: MakeWorld) -> None:
    world = make_world(1000)
    screen = watch(world, kernel_bytes=70_000)
    world.settle()
    assert len(screen.fold()["users"]) == 1000
    assert screen.transport.takes > 2


def test_a_ping_is_answered(world: World) -> None:
    screen = watch(world)
    world.core.operator_commands.dispatch(screen.operator_session, '{"type":"ping","timestamp":7}')
    world.core.operator_commands.dispatch(screen.operator_session, '{"type":"ping"}')
    first, second = screen.messages("pong")
    assert first["timestamp"] == 7
    assert second["timestamp"] == second["server_time"]


@pytest.mark.parametrize(
    "text",
    ['{"type":"heartbeat"}', '{"type":"subscribe","subscription":"feed"}', '{"type":"end_call"}', "nonsense", ""],
)
def test_any_other_command_is_refused(world: World, text: str) -> None:
    screen = watch(world)
    world.core.operator_commands.dispatch(screen.operator_session, text)
    assert screen.errors() == ["INVALID_MESSAGE_ERROR"]
    assert screen.operator_session.is_open


def test_a_binary_message_is_refused(world: World) -> None:
    screen = watch(world)
    world.core.operator_commands.not_text(screen.operator_session)
    assert screen.errors() == ["INVALID_MESSAGE_ERROR"]


def test_a_stream_of_invalid_commands_ends_the_socket(make_world: MakeWorld) -> None:
    world = make_world(1, invalid_strikes=3)
    screen = watch(world)
    for _ in range(4):
        world.core.operator_commands.dispatch(screen.operator_session, "nonsense")
    assert screen.errors() == ["INVALID_MESSAGE_ERROR"]
    assert screen.transport.closed == (4504, "invalid")


def test_a_flood_of_pings_is_refused_and_then_ends_the_socket(make_world: MakeWorld) -> None:
    world = make_world(1, command_burst=2, rate_strikes=3)
    screen = watch(world)
    for _ in range(6):
        world.core.operator_commands.dispatch(screen.operator_session, '{"type":"ping"}')
    assert len(screen.messages("pong")) == 2
    assert screen.errors() == ["RATE_LIMIT_ERROR"]
    assert screen.transport.closed == (4003, "rate")


def test_pongs_that_nobody_asked_for_count_as_pings(make_world: MakeWorld) -> None:
    world = make_world(1, command_burst=2, rate_strikes=3)
    screen = watch(world)
    pass_time(world, 26, screen)
    for _ in range(6):
        world.core.operator_commands.pong(screen.operator_session)
    assert screen.errors() == ["RATE_LIMIT_ERROR"]
    assert screen.transport.closed == (4003, "rate")


def test_a_closed_socket_asks_nothing(world: World) -> None:
    screen = watch(world)
    screen.operator_session.closed_by_peer(None)
    world.core.operator_commands.dispatch(screen.operator_session, '{"type":"ping"}')
    world.core.operator_commands.not_text(screen.operator_session)
    assert screen.messages("pong") == []


def test_a_socket_that_answers_pings_lives(world: World) -> None:
    screen = watch(world)
    pass_time(world, 120, screen)
    assert screen.operator_session.is_open
    assert screen.transport.pings == 4


def test_a_socket_that_answers_no_ping_is_closed(world: World) -> None:
    screen = watch(world)
    screen.answers = False
    pass_time(world, 34, screen)
    assert screen.operator_session.is_open
    pass_time(world, 2, screen)
    assert screen.transport.closed == (4000, "no pong")
    assert len(world.core.operator_sessions) == 0


def test_a_socket_that_was_not_pinged_yet_owes_no_pong(world: World) -> None:
    screen = watch(world)
    screen.answers = False
    pass_time(world, world.settings.ping_interval_seconds - 1, screen)
    assert screen.transport.pings == 0
    assert screen.operator_session.is_open


def test_the_end_of_a_sign_in_ends_its_sockets_and_no_others(world: World) -> None:
    first, second, other = watch(world), watch(world), watch(world, sign_in_id="two")
    assert world.core.operator_sessions.sign_ins() == {"one", "two"}
    world.core.operator_sessions.close_sign_in("one")
    for screen in (first, second):
        assert screen.errors() == ["AUTH_ERROR"]
        assert screen.transport.closed == (4401, "signed out")
    assert other.operator_session.is_open
    assert world.core.operator_sessions.sign_ins() == {"two"}


def test_the_end_of_an_operator_ends_all_of_the_operators_sockets(world: World) -> None:
    first, second = watch(world), watch(world, sign_in_id="two")
    other = watch(world, operator_id=2, sign_in_id="three")
    world.core.operator_sessions.close_operator(1)
    assert [first.operator_session.close_code, second.operator_session.close_code] == [4401, 4401]
    assert other.operator_session.is_open


def test_a_sign_in_that_lasted_too_long_ends_its_sockets(make_world: MakeWorld) -> None:
    world = make_world(1, operator_session_seconds=3600, operator_idle_seconds=60)
    screen = watch(world)
    pass_time(world, 3599, screen)
    assert screen.operator_session.is_open
    pass_time(world, 2, screen)
    assert screen.transport.closed == (4401, "signed out")


def test_there_is_a_limit_to_operators_sockets(make_world: MakeWorld) -> None:
    world = make_world(1, operator_sockets_limit=2)
    screen = watch(world)
    watch(world)
    with pytest.raises(LimitReached) as full:
        watch(world)
    assert full.value.close_code == CloseCode.TRY_LATER
    screen.operator_session.closed_by_peer(1000)
    assert watch(world).operator_session.is_open


def test_one_operator_leaves_room_for_the_others(make_world: MakeWorld) -> None:
    world = make_world(1, sockets_per_operator=2)
    screens = [watch(world), watch(world)]
    with pytest.raises(LimitReached) as full:
        watch(world)
    assert full.value.close_code == CloseCode.TRY_LATER
    assert watch(world, operator_id=2).operator_session.is_open
    screens[0].operator_session.closed_by_peer(1000)
    assert watch(world).operator_session.is_open


def test_a_drain_tells_everybody_when_to_come_back_and_takes_nobody_in(world: World) -> None:
    screens = [watch(world), watch(world)]
    delays = iter((700, 900))
    world.core.operator_sessions.drain(lambda: next(delays))
    assert [each.messages("server_draining")[0]["reconnect_after_ms"] for each in screens] == [700, 900]
    assert all(each.transport.closed == (1012, "service restart") for each in screens)
    assert len(world.core.operator_sessions) == 0
    with pytest.raises(LimitReached):
        watch(world)


def test_a_server_that_goes_on_after_a_drain_takes_operators_in_again(world: World) -> None:
    watch(world)
    world.core.operator_sessions.drain(lambda: 500)
    world.core.operator_sessions.reopen()
    assert watch(world).operator_session.is_open


def test_each_end_is_counted_once(world: World) -> None:
    screen = watch(world)
    screen.operator_session.closed_by_peer(None)
    screen.operator_session.closed_by_peer(None)
    screen.operator_session.close(CloseCode.RESTART, "again")
    assert world.core.counters.closes == {1006: 1}
    assert screen.transport.closed is None


def test_a_peer_found_gone_is_forgotten(world: World) -> None:
    screen, other = watch(world), watch(world)
    screen.transport.reset()
    world.connect(1)
    tell(world)
    assert screen.transport.closed == (4000, "connection lost")
    assert [each.session_id for each in world.core.operator_sessions] == [other.operator_session.session_id]


def test_a_peer_gone_before_the_first_message_leaves_nothing_behind(world: World) -> None:
    transport = FakeTransport(world.soon)
    transport.reset()
    world.core.operator_sessions.admit(signed_in_operator(world.time.wall()), transport, "v1")
    assert transport.closed == (4000, "connection lost")
    assert len(world.core.operator_sessions) == 0
    assert not world.core.overview_feed.is_watched


def test_a_new_epoch_of_the_log_comes_with_a_new_overview(world: World) -> None:
    screen = watch(world)
    world.connect(1)
    world.core.changes.begin("another", 100)
    tell(world)
    tell(world)
    hello, overview = screen.messages()[-2:]
    assert (hello["type"], hello["epoch"], hello["version"]) == ("connection_established", "another", "v1")
    assert (overview["type"], overview["seq"]) == ("overview", hello["seq"])
    assert screen.overviews == 0
    screen.fold()
    assert screen.overviews == 2


def test_who_comes_in_a_new_epoch_is_told_it(world: World) -> None:
    world.core.changes.begin("another", 100)
    tell(world)
    assert watch(world).messages()[0]["epoch"] == "another"


def test_the_end_of_a_sign_in_or_of_an_operator_is_told_to_other_servers(world: World) -> None:
    told: list[tuple[int, str]] = []
    world.core.operator_sessions.tell_others = lambda *what: told.append(what)
    screens = [watch(world, sign_in_id="one"), watch(world, operator_id=2, sign_in_id="two")]
    world.core.operator_sessions.end_sign_in("one")
    world.core.operator_sessions.end_operator(2)
    assert told == [(0, "one"), (2, "")]
    assert [screen.operator_session.close_code for screen in screens] == [CloseCode.TOKEN_EXPIRED] * 2


def test_a_server_that_is_alone_ends_a_sign_in_itself(world: World) -> None:
    screen = watch(world, sign_in_id="one")
    world.core.operator_sessions.end_sign_in("one")
    assert not screen.operator_session.is_open


def loaded(world: World) -> tuple[dict[str, Any], str]:
    """Return the overview as a page loads it over HTTP, and what its socket asks to go on from."""
    overview = msgspec.json.decode(encode_message(world.core.operator_sessions.overview()))
    return overview, f"{overview['feed']}.{overview['seq']}"


def test_a_page_that_has_loaded_the_overview_is_sent_only_what_came_after_it(world: World) -> None:
    overview, after = loaded(world)
    world.connect(1)
    tell(world)
    world.connect(2)
    screen = watch(world, after=after)
    world.put(1, is_busy=True)
    tell(world)
    hello, *updates = screen.messages()
    assert (hello["resumed"], {each["type"] for each in updates}) == (True, {"overview_update"})
    screen.load(overview)
    picture = screen.fold()
    fresh = watch(world).fold()
    assert {name: picture[name] for name in ("users", "figures", "calls")} == {
        name: fresh[name] for name in ("users", "figures", "calls")
    }
    assert [each["state"] for each in picture["users"].values()] == ["busy", "available", "offline"]


def test_a_page_that_loads_while_others_watch_misses_nothing_either(world: World) -> None:
    other = watch(world)
    world.connect(1)
    overview, after = loaded(world)
    assert other.fold()["users"][1]["state"] == "available"
    world.connect(2)
    tell(world)
    screen = watch(world, after=after)
    screen.load(overview)
    assert screen.fold()["users"] == other.fold()["users"]
    assert other.overviews == 1


def test_a_page_that_comes_too_late_or_from_elsewhere_is_sent_the_overview(world: World) -> None:
    _, after = loaded(world)
    world.advance(61)
    tell(world)
    feed, _, seq = after.rpartition(".")
    for wanted in (after, f"{feed}.9", f"another.{seq}", f"{feed}.x", f"{feed}.{'9' * 20}", feed):
        screen = watch(world, after=wanted)
        hello, overview = screen.messages()[:2]
        assert (hello["resumed"], overview["type"]) == (False, "overview"), wanted
        screen.operator_session.close(CloseCode.RESTART, "a test")


def test_after_a_minute_nothing_is_kept_though_others_watch(world: World) -> None:
    screen = watch(world)
    _, after = loaded(world)
    pass_time(world, 61, screen)
    assert watch(world, after=after).messages()[1]["type"] == "overview"


def test_a_page_that_never_opens_its_socket_is_forgotten(world: World) -> None:
    loaded(world)
    assert world.core.overview_feed.is_watched
    world.advance(61)
    tell(world)
    assert not world.core.overview_feed.is_watched
