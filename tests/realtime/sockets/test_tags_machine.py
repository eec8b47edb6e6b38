"""Watching by tags, under any changes and with readers of any speed: no client has a ghost or lacks anybody."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from realtime.sockets import fanout
from tests.realtime.client import Client, includes
from tests.realtime.world import World

USERS = 3
user_ids = st.integers(1, USERS)
some_tags = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
narrowings = st.fixed_dictionaries({"tags": some_tags}, optional={"user_ids": st.lists(user_ids, max_size=2)})


class Tags(RuleBasedStateMachine):
    """Clients that watch by tags stop and go on reading while tags and statuses change; flushes are interrupted."""

    clients: Bundle[Client] = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.stride = patch.object(fanout, "_STRIDE", 1)
        self.stride.start()

    @initialize(
        target=clients,
        send_seconds=st.sampled_from([0.0, 0.005]),
        tags=st.tuples(*[some_tags] * USERS),
        narrowed=st.lists(narrowings, min_size=1, max_size=3),
    )
    def begin(self, send_seconds: float, tags: tuple[list[str], ...], narrowed: list[dict[str, Any]]) -> Any:
        self.world = World(USERS, snapshot_page_users=2, command_burst=10_000, announcements_per_second=1000)
        for user_id, given in enumerate(tags, 1):
            self.world.tag(user_id, *given)
        clients = [self.world.connect(place, kernel_bytes=4000) for place, _ in enumerate(narrowed, 1)]
        self.world.arrive()
        for client, fields in zip(clients, narrowed, strict=True):
            self.world.send(client, "subscribe", subscription="feed", snapshot=True, **fields)
        self.world.arrive()
        self.world.hurries = True
        self.world.send_seconds = send_seconds
        return multiple(*clients)

    @rule(client=clients)
    def stop_reading(self, client: Client) -> None:
        client.transport.stall()
        client.transport.kernel_bytes = 0
        if client.is_open:
            self.world.send(client, "ping")

    @rule(client=clients, kernel_bytes=st.sampled_from([300, 4000]))
    def go_on_reading(self, client: Client, kernel_bytes: int) -> None:
        client.transport.kernel_bytes = kernel_bytes
        client.transport.resume()

    @rule(user_id=user_ids, tags=some_tags)
    def tag(self, user_id: int, tags: list[str]) -> None:
        self.world.tag(user_id, *tags)

    @rule(user_id=user_ids)
    def turn_busy_or_free(self, user_id: int) -> None:
        self.world.put(user_id, is_busy=not self.world.status(user_id).is_busy)

    @rule(user_id=user_ids, tags=some_tags)
    def tag_and_turn(self, user_id: int, tags: list[str]) -> None:
        """Change tags and status with one entry."""
        claims = self.world.core.registry.get(user_id).claims
        is_busy = type(claims)(set_busy=not claims.set_busy)
        self.world.core.log.append(self.world.proposal(user_id, tags=tuple(sorted(tags)), claims=is_busy))

    @rule(client=clients, fields=narrowings)
    def subscribe(self, client: Client, fields: dict[str, Any]) -> None:
        if client.is_open:
            self.world.send(client, "subscribe", subscription="feed", snapshot=True, **fields)

    @rule()
    def turn(self) -> None:
        self.world.turn()

    @rule(seconds=st.sampled_from([0.01, 0.1]))
    def pass_time(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def rest(self) -> None:
        for client in self.world.clients:
            self.go_on_reading(client, 4000)
        self.world.advance(0.5)
        self.world.arrive()
        for client in self.world.clients:
            client.fold()
            if client.is_open:
                self.compare(client)
        assert not self.world.core.fan_out.behind()

    def compare(self, client: Client) -> None:
        server = self.world.picture()
        scopes = client.scope.values()
        watched = {
            user_id: status
            for user_id, status in server.items()
            if any(includes(scope, user_id, self.world.tags_of(user_id)) for scope in scopes)
        }
        assert client.picture == watched

    def teardown(self) -> None:
        try:
            self.rest()
        finally:
            self.world.close()
            self.stride.stop()


Tags.TestCase.settings = settings(
    max_examples=80, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTags = Tags.TestCase
