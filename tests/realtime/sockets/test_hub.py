"""Hub: the connected sessions, and messages to some of them."""

from __future__ import annotations

from realtime.protocol import CloseCode
from tests.realtime.world import World


def test_sessions_are_found_by_user_and_counted_by_address(world: World) -> None:
    first, second = world.connect(1, address="a"), world.connect(1, address="b")
    world.connect(2, address="a")
    assert set(world.core.hub.of_user(1)) == {first.session, second.session}
    assert [world.core.hub.from_address(each) for each in ("a", "b", "c")] == [2, 1, 0]
    assert len(world.core.hub) == 3


def test_nothing_is_kept_of_sessions_that_ended(world: World) -> None:
    clients = [world.connect(1, address="a") for _ in range(2)]
    for client in clients:
        world.leave(client)
    assert len(world.core.hub) == 0
    assert world.core.hub.of_user(1) == []
    assert world.core.hub.from_address("a") == 0
    assert (world.core.hub._by_user, world.core.hub._by_address) == ({}, {})


def test_the_hub_can_be_walked_while_sessions_end(world: World) -> None:
    for user_id in (1, 2, 3):
        world.connect(user_id)
    for session in world.core.hub:
        session.close(CloseCode.RESTART, "restart")
    assert len(world.core.hub) == 0


def test_closing_a_user_ends_all_sockets_of_this_user_alone(world: World) -> None:
    mine, theirs = [world.connect(1) for _ in range(3)], world.connect(2)
    world.core.hub.close_user(1, CloseCode.REVOKED, "disabled")
    assert [each.transport.closed for each in mine] == [(4501, "disabled")] * 3
    assert theirs.is_open


def test_closing_a_login_ends_only_the_sockets_it_opened(world: World) -> None:
    phone = world.connect(1, identity=world.identity(1, login_id="phone"))
    tablet = world.connect(1, identity=world.identity(1, login_id="tablet"))
    world.core.hub.close_login("phone", CloseCode.REVOKED, "signed out")
    assert (phone.is_open, tablet.is_open) == (False, True)


def test_a_user_who_was_signed_out_is_offline_after_a_second(world: World) -> None:
    world.connect(1)
    world.core.hub.close_user(1, CloseCode.REVOKED, "signed out")
    world.advance(1.25)
    assert not world.status(1).is_online


def test_who_unsubscribed_from_calls_is_not_told_of_them(world: World) -> None:
    quiet, told = world.connect(1), world.connect(1)
    world.connect(2)
    world.send(quiet, "unsubscribe", subscription="calls")
    world.call(1, 2)
    world.arrive()
    assert (len(quiet.messages("call_status_update")), len(told.messages("call_status_update"))) == (0, 1)


def test_a_participant_found_gone_does_not_keep_the_other_from_being_told(world: World) -> None:
    caller, callee = world.connect(1), world.connect(2)
    caller.transport.reset()
    world.call(1, 2)
    world.arrive()
    assert len(callee.messages("call_status_update")) == 1


def test_a_call_comes_behind_statuses_that_were_still_gathering(world: World) -> None:
    caller = world.connect(1)
    world.connect(2)
    world.advance(1)
    world.put(3, is_busy=True)
    before = len(caller.messages())
    world.call(1, 2)
    world.arrive()
    told = [(each["type"], each.get("user_id")) for each in caller.messages()[before:]]
    updates = [("user_status_update", user_id) for user_id in (1, 2)]
    assert [each for each in told if each[0] != "feed_stats"] == [*updates, ("call_status_update", None)]
