"""Slow operators: one on a bad connection does not affect the others, and catches up once it recovers."""

from __future__ import annotations

import pytest

from realtime.protocol import frame
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import LivePage, pass_time, tell, watch
from tests.realtime.world import World

LIMIT = 65536


@pytest.fixture
def many(make_world: MakeWorld) -> World:
    """Enough users to fill an outbox."""
    return make_world(200, outbox_limit_bytes=LIMIT)


def change(world: World, times: int = 1) -> None:
    """Change every user, several times."""
    for _ in range(times):
        for user_id in range(1, 201):
            world.beat(user_id)
        world.advance(0.25)
        tell(world)


def slow(world: World) -> LivePage:
    """Connect an operator whose connection accepts no more data."""
    screen = watch(world, kernel_bytes=1000)
    screen.fold()
    screen.transport.stall()
    return screen


def test_updates_wait_for_one_who_is_slow_for_a_moment(many: World) -> None:
    screen, other = slow(many), watch(many)
    change(many, 1)
    screen.transport.resume()
    many.settle()
    assert screen.fold() == other.fold()
    assert screen.overviews == 1


def test_one_who_misses_updates_gets_a_fresh_overview(many: World) -> None:
    screen, other = slow(many), watch(many)
    change(many, 8)
    assert screen.operator_session.is_behind
    screen.transport.resume()
    many.settle()
    assert not screen.operator_session.is_behind
    assert screen.fold() == other.fold()
    assert screen.overviews == 2
    change(many, 1)
    assert screen.fold() == other.fold()


def test_one_who_is_behind_learns_of_a_new_epoch_when_it_has_caught_up(many: World) -> None:
    screen = slow(many)
    change(many, 8)
    many.core.changes.begin("another", 100_000)
    tell(many)
    assert screen.messages("connection_established")[1:] == []
    screen.transport.resume()
    many.settle()
    assert [each["epoch"] for each in screen.messages("connection_established")[1:]] == ["another"]
    screen.fold()
    assert screen.overviews == 2


def test_what_waits_for_a_slow_one_stays_within_the_limit(many: World) -> None:
    screen = slow(many)
    change(many, 30)
    waiting = screen.operator_session._writer.queued_bytes + screen.transport.buffered_bytes
    assert waiting < LIMIT + 2 * 48 * 1024


def test_one_who_takes_nothing_for_too_long_is_closed(many: World) -> None:
    screen = slow(many)
    change(many, 1)
    pass_time(many, 9)
    assert screen.operator_session.is_open
    pass_time(many, 3)
    assert screen.transport.closed == (4002, "slow consumer")
    assert len(many.core.operator_sessions) == 0


def test_one_who_reads_slowly_but_reads_is_kept(many: World) -> None:
    screen = slow(many)
    change(many, 1)
    change(many, 1)
    for _ in range(100):
        pass_time(many, 0.5)
        screen.transport.read(1000)
        many.settle()
    assert screen.operator_session.is_open


def test_a_slow_one_keeps_nobody_waiting(many: World) -> None:
    slow(many)
    other = watch(many)
    change(many, 8)
    assert other.fold()["users"][1]["state"] == "available"
    assert other.overviews == 1


def test_one_who_ends_while_it_waits_is_sent_nothing_more(many: World) -> None:
    screen = slow(many)
    change(many, 8)
    screen.operator_session.closed_by_peer(None)
    screen.transport.resume()
    many.settle()
    assert screen.fold()
    assert screen.overviews == 1


def test_updates_are_behind_what_the_protocol_layer_writes_of_its_own(many: World) -> None:
    screen, other = watch(many), watch(many)
    screen.fold()
    screen.transport.write_of_another(frame(b'{"type":"its own"}'))
    change(many, 1)
    assert screen.fold() == other.fold()
    assert [each["type"] for each in screen.messages()][2:4] == ["its own", "overview_update"]


def test_a_line_that_is_full_to_the_byte_loses_nothing(many: World) -> None:
    screen, other = watch(many), watch(many)
    screen.fold()
    screen.transport.kernel_bytes = 0
    change(many, 1)
    assert screen.operator_session.waiting_since is not None
    screen.transport.kernel_bytes = 1000
    many.soon(screen.transport.flow)
    many.settle()
    assert screen.fold() == other.fold()


def test_nothing_is_sent_after_the_end(many: World) -> None:
    screen = watch(many)
    sent = len(screen.messages())
    screen.operator_session.closed_by_peer(None)
    screen.operator_session.push_frames(frame(b"{}"))
    assert len(screen.messages()) == sent


def test_one_who_is_lost_while_behind_is_closed(many: World) -> None:
    screen = slow(many)
    change(many, 8)
    screen.transport.resume()
    screen.transport.on_take = screen.transport.reset
    many.settle()
    assert screen.transport.closed == (4000, "connection lost")
