"""Delivery, under any events in any order: every client ends up in sync with the server."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from models.errors import RequestError
from models.status import Profile
from models.user_documents import NewUser
from realtime.protocol import Channel
from realtime.sockets import fanout
from tests.realtime.client import Client, includes
from tests.realtime.world import World

pytestmark = pytest.mark.usefixtures("without_coverage")

USERS = 5
user_ids = st.integers(1, USERS)
some_tags = st.lists(st.sampled_from("abc"), max_size=2, unique=True)


class Delivery(RuleBasedStateMachine):
    """Clients read, stall, narrow subscriptions, fail and return while users change; flushes are interrupted."""

    clients: Bundle[Client] = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.stride = patch.object(fanout, "_STRIDE", 1)
        self.stride.start()
        self.renamed = 0
        self.created = 0
        self.passing: list[int] = []
        """Users who were created and not deleted yet."""

    @initialize(
        target=clients,
        send_seconds=st.sampled_from([0.0, 0.003, 0.005]),
        per_second=st.sampled_from([4, 1000]),
        buffers=st.lists(st.sampled_from([700, 1500, 1 << 20]), min_size=2, max_size=4),
    )
    def begin(self, send_seconds: float, per_second: int, buffers: list[int]) -> Any:
        self.world = World(
            USERS,
            snapshot_page_users=2,
            command_burst=10_000,
            sockets_per_user=50,
            outbox_limit_bytes=65536,
            announcements_per_second=per_second,
        )
        self.world.send_seconds = send_seconds
        clients = [self.world.connect(1 + place, kernel_bytes=size) for place, size in enumerate(buffers)]
        self.world.advance(2)
        self.world.hurries = True
        return multiple(*clients)

    @rule(
        target=clients,
        user_id=user_ids,
        channel=st.sampled_from(["feed", "presence"]),
        kernel_bytes=st.sampled_from([700, 1500, 1 << 20]),
    )
    def connect(self, user_id: int, channel: Channel, kernel_bytes: int) -> Client:
        return self.world.connect(user_id, channel, kernel_bytes=kernel_bytes)

    @rule(client=clients)
    def stall(self, client: Client) -> None:
        client.transport.stall()

    @rule(client=clients, size=st.integers(1, 2000))
    def read(self, client: Client, size: int) -> None:
        if not client.transport.is_reset:
            client.transport.read(size)

    @rule(client=clients)
    def resume(self, client: Client) -> None:
        client.transport.resume()

    @rule(client=clients)
    def reset(self, client: Client) -> None:
        client.fold()
        client.transport.reset()

    @rule(client=clients)
    def pong_of_the_protocol_layer(self, client: Client) -> None:
        if not client.transport.closed and not client.transport.is_reset:
            client.transport.write_of_another(b"\x81\x0f" + b'{"type":"pong"}')
            self.world.soon(client.transport.flow)

    @rule(client=clients)
    def lose(self, client: Client) -> None:
        if client.is_open:
            self.world.lose(client)

    @rule(client=clients)
    def leave(self, client: Client) -> None:
        if client.is_open:
            self.world.leave(client)

    @rule(client=clients, kernel_bytes=st.sampled_from([700, 1 << 20]))
    def come_back(self, client: Client, kernel_bytes: int) -> None:
        client.fold()
        if not client.is_open:
            self.world.connect(client.user_id, client.session.channel, client=client, kernel_bytes=kernel_bytes)

    @rule(
        client=clients,
        subscription=st.sampled_from(["feed", "presence"]),
        ids=st.none() | st.lists(user_ids, max_size=3),
        tags=st.none() | some_tags,
        snapshot=st.sampled_from([None, True]),
    )
    def subscribe(
        self,
        client: Client,
        subscription: str,
        ids: list[int] | None,
        tags: list[str] | None,
        snapshot: bool | None,
    ) -> None:
        if client.is_open:
            self.world.send(client, "subscribe", subscription=subscription, user_ids=ids, tags=tags, snapshot=snapshot)

    @rule(client=clients, subscription=st.sampled_from(["feed", "presence", "stats"]))
    def unsubscribe(self, client: Client, subscription: str) -> None:
        if client.is_open:
            self.world.send(client, "unsubscribe", subscription=subscription)

    @rule(client=clients)
    def ping(self, client: Client) -> None:
        if client.is_open:
            self.world.send(client, "ping")

    @rule(user_id=user_ids)
    def turn_busy_or_free(self, user_id: int) -> None:
        self.world.put(user_id, is_busy=not self.world.status(user_id).is_busy)

    @rule(user_id=user_ids)
    def turn_online_or_offline(self, user_id: int) -> None:
        self.world.put(user_id, is_online=not self.world.status(user_id).is_online)

    @rule(user_id=user_ids)
    def rename(self, user_id: int) -> None:
        self.renamed += 1
        self.world.rename(Profile(user_id, f"user{user_id} {self.renamed}" + "x" * 40, None))

    @rule(user_id=user_ids, tags=some_tags)
    def tag(self, user_id: int, tags: list[str]) -> None:
        self.world.tag(user_id, *tags)

    @rule(tags=some_tags)
    def create(self, tags: list[str]) -> None:
        new = NewUser(f"new{self.created}", None, None, tags=tuple(tags))
        self.passing.append(self.world.run(self.world.core.membership.create(new)).profile.user_id)
        self.created += 1

    @precondition(lambda self: self.passing)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        user_id = data.draw(st.sampled_from(self.passing))
        self.passing.remove(user_id)
        self.world.run(self.world.core.membership.delete(user_id))

    @precondition(lambda self: self.passing)
    @rule(data=st.data(), tags=st.none() | some_tags)
    def change(self, data: st.DataObject, tags: list[str] | None) -> None:
        user_id = data.draw(st.sampled_from(self.passing))
        if tags is None:
            self.turn_busy_or_free(user_id)
        else:
            self.world.tag(user_id, *tags)

    @rule(caller_id=user_ids, callee_id=user_ids)
    def call(self, caller_id: int, callee_id: int) -> None:
        ongoing = self.world.core.switchboard.ongoing.of_user(caller_id)
        try:
            if ongoing is None:
                self.world.call(caller_id, callee_id)
            else:
                self.world.hang_up(caller_id, ongoing)
        except RequestError:
            return

    @rule()
    def turn(self) -> None:
        self.world.turn()

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.25, 2.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def stats(self) -> None:
        self.world.core.stats.tick()

    @rule()
    def restart(self) -> None:
        self.world.flush()
        for client in self.world.clients:
            client.fold()
        self.world.crash()
        self.world.start()

    @rule()
    def rest(self) -> None:
        self.be_quiet()

    @invariant()
    def what_waits_is_bounded(self) -> None:
        for client in self.world.clients:
            waiting = client.session.outbox._writer.queued_bytes + client.transport.buffered_bytes
            assert waiting <= self.world.settings.outbox_limit_bytes

    def be_quiet(self) -> None:
        for client in self.world.clients:
            if client.transport.is_reset:
                self.world.lose(client)
            client.transport.resume()
        self.world.advance(3)
        self.world.arrive()
        for client in self.world.clients:
            client.fold()
            if client.is_open:
                self.compare(client)
        assert not self.world.core.fan_out.behind()

    def compare(self, client: Client) -> None:
        """Check that what it knows is correct, and that it knows everything it should."""
        server = self.world.picture()
        assert client.picture == {user_id: server[user_id] for user_id in client.picture}
        if client.is_complete:
            assert client.picture.keys() == server.keys()
        tags = {user_id: self.world.tags_of(user_id) for user_id in server}
        assert all(client.watches(user_id, tags[user_id]) for user_id in client.picture), "no ghost"
        for scope in client.known:
            assert client.picture.keys() >= {user_id for user_id in server if includes(scope, user_id, tags[user_id])}
        if client.stats is not None and "feed" in client.session.subscriptions:
            counts = self.world.core.stats.counts()
            assert client.stats == {name: getattr(counts, name) for name in counts.__struct_fields__}

    def teardown(self) -> None:
        try:
            self.be_quiet()
            for client in self.world.clients:
                self.world.leave(client)
            self.world.advance(40)
            assert not self.world.core.hub
            assert not self.world.core.fan_out
            assert not self.world.core.fan_out._subscribers
        finally:
            self.world.close()
            self.stride.stop()


Delivery.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestDelivery = Delivery.TestCase
