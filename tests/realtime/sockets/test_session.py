"""Session: what it sends, and that it ends once."""

from __future__ import annotations

from realtime.protocol import PING_FRAME, CloseCode, ServerDraining
from tests.realtime.world import World


def test_a_push_reaches_the_client(world: World) -> None:
    client = world.connect(1)
    client.session.push(ServerDraining(reconnect_after_ms=7))
    assert client.messages()[-1] == {"type": "server_draining", "reconnect_after_ms": 7}


def test_nothing_is_sent_after_the_close(world: World) -> None:
    client = world.connect(1)
    client.session.close(CloseCode.RESTART, "restart")
    before = len(client.messages())
    client.session.push(ServerDraining(reconnect_after_ms=7))
    client.session.push_frame(PING_FRAME)
    assert len(client.messages()) == before


def test_what_waits_is_not_written_once_the_session_is_closed(world: World) -> None:
    client = world.connect(1, kernel_bytes=1200)
    world.advance(1)
    client.transport.stall()
    for _ in range(20):
        world.send(client, "ping")
    client.session.close(CloseCode.RESTART, "restart")
    client.transport.resume()
    world.advance(1)
    assert client.transport.closed == (1012, "restart")


def test_a_session_closes_once_with_its_first_code(world: World) -> None:
    client = world.connect(1)
    client.session.close(CloseCode.RATE_LIMITED, "rate")
    client.session.close(CloseCode.REVOKED, "later")
    client.session.closed_by_peer(1000)
    assert client.session.close_code == CloseCode.RATE_LIMITED
    assert world.core.counters.closes == {4003: 1}


def test_closes_by_the_client_are_counted_by_its_code(world: World) -> None:
    for code in (1000, 1001, None):
        world.connect(1).session.closed_by_peer(code)
    assert world.core.counters.closes == {1000: 1, 1001: 1, 1006: 1}


def test_codes_that_clients_invent_are_counted_as_one(world: World) -> None:
    for code in range(5000):
        world.connect(1).session.closed_by_peer(code)
    closes = world.core.counters.closes
    assert set(closes) <= {*CloseCode, *range(1000, 1016), "other"}
    assert closes.total() == 5000
    assert closes["other"] > 4900


def test_only_a_clean_close_is_clean(world: World) -> None:
    for code, seconds in ((1000, 1.0), (1001, 15.0), (None, 15.0)):
        world.connect(1).session.closed_by_peer(code)
        world.advance(seconds - 0.25)
        assert world.status(1).is_online
        world.advance(0.5)
        assert not world.status(1).is_online


def test_a_peer_found_gone_is_a_lost_connection(world: World) -> None:
    client = world.connect(1)
    client.transport.reset()
    client.session.push(ServerDraining(reconnect_after_ms=7))
    assert not client.is_open
    assert client.session.close_code == CloseCode.UNRESPONSIVE
    assert world.status(1).is_online


def test_replies_that_nobody_reads_end_the_session(world: World) -> None:
    client = world.connect(1)
    client.transport.kernel_bytes = 0
    while client.is_open:
        client.session.push(ServerDraining(reconnect_after_ms=7))
        waiting = client.session.outbox._writer.queued_bytes + client.transport.buffered_bytes
        assert waiting <= world.settings.outbox_limit_bytes
    assert client.session.close_code == CloseCode.SLOW_CONSUMER


def test_errors_are_answered_once_a_second(world: World) -> None:
    client = world.connect(1)
    for _ in range(3):
        client.session.refuse("INVALID_MESSAGE_ERROR", "No", world.core.environment.clock.now())
    assert len(client.errors()) == 1
    world.advance(1)
    client.session.refuse("INVALID_MESSAGE_ERROR", "No", world.core.environment.clock.now())
    assert len(client.errors()) == 2


def test_a_session_nobody_listens_to_closes_too(world: World) -> None:
    client = world.connect(1)
    client.session.on_closed = None
    client.session.close(CloseCode.RESTART, "restart")
    assert client.transport.closed == (1012, "restart")


def test_messages_are_counted_by_type(world: World) -> None:
    world.connect(1).session.push(ServerDraining(reconnect_after_ms=7))
    assert world.core.counters.messages_out["server_draining"] == 1
