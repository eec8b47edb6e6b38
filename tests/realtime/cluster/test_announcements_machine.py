"""Announcements in a cluster: one for each real transition, none for a return within the grace period or the hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from realtime.cluster.codec import decoded_record
from tests.realtime.client import Client
from tests.realtime.cluster.world import ClusterWorld, NodeWorld

pytestmark = pytest.mark.usefixtures("without_coverage")

NODES, USERS = 3, 3
node_numbers = st.integers(0, NODES - 1)
user_ids = st.integers(1, USERS)


class AnnouncementsMachine(RuleBasedStateMachine):
    """Users either come back soon, wherever, or stay away for long. Servers end, are paused, and lose the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = ClusterWorld(NODES, USERS)
        self.clients: dict[int, tuple[NodeWorld, Client]] = {}
        self.expected: dict[int, list[bool]] = {user_id: [] for user_id in range(1, USERS + 1)}
        """The announcements that each user's transitions should cause: whether the user is online."""

    @rule(number=node_numbers, user_id=user_ids)
    def come(self, number: int, user_id: int) -> None:
        if user_id not in self.clients:
            self.clients[user_id] = self.cluster.nodes[number], self.cluster.connect(number, user_id)
            self.expected[user_id].append(True)
            self.cluster.advance(1)

    @rule(user_id=user_ids, number=node_numbers, seconds=st.sampled_from([0, 1, 5, 12]))
    def move(self, user_id: int, number: int, seconds: int) -> None:
        if user_id in self.clients:
            node, client = self.clients[user_id]
            node.lose(client)
            self.cluster.advance(seconds, ticks=4)
            self.back(user_id, client, number)

    @rule(user_id=user_ids, is_clean=st.booleans())
    def go(self, user_id: int, is_clean: bool) -> None:
        if user_id in self.clients:
            node, client = self.clients.pop(user_id)
            node.leave(client) if is_clean else node.lose(client)
            self.expected[user_id].append(False)
            self.cluster.advance(60, ticks=8)

    @rule(number=node_numbers, drains=st.booleans(), seconds=st.sampled_from([0, 4, 10]))
    def restart(self, number: int, drains: bool, seconds: int) -> None:
        node = self.cluster.nodes[number]
        if drains:
            node.drain()
            self.cluster.settle()
        node.crash()
        self.cluster.advance(seconds, ticks=4)
        for user_id, (server, client) in list(self.clients.items()):
            if server is node:
                self.back(user_id, client, (number + 1) % NODES)
        node.start()
        self.cluster.advance(3)

    @rule(number=node_numbers, seconds=st.sampled_from([2, 8, 12]))
    def pause(self, number: int, seconds: int) -> None:
        self.cluster.nodes[number].is_paused = True
        self.cluster.advance(seconds, ticks=4)
        self.cluster.nodes[number].is_paused = False
        self.cluster.advance(3)

    @rule(seconds=st.sampled_from([1, 20]), user_id=user_ids, number=node_numbers)
    def restart_engine(self, seconds: int, user_id: int, number: int) -> None:
        """Restart the engine, while one user moves."""
        self.cluster.engine.stop()
        if user_id in self.clients:
            node, client = self.clients[user_id]
            node.lose(client)
            self.back(user_id, client, number)
        self.cluster.advance(seconds, ticks=4)
        self.cluster.engine.start()
        self.cluster.advance(3)

    @rule()
    def wait(self) -> None:
        self.cluster.advance(60, ticks=8)

    def back(self, user_id: int, client: Client, number: int) -> None:
        """A client comes back to a server, and resumes."""
        self.cluster.connect(number, user_id, client)
        self.clients[user_id] = self.cluster.nodes[number], client

    def teardown(self) -> None:
        try:
            self.cluster.advance(60, ticks=8)
            assert self.announced() == self.expected
        finally:
            self.cluster.close()

    def announced(self) -> dict[int, list[bool]]:
        """Return what was announced of each user."""
        announced: dict[int, list[bool]] = {user_id: [] for user_id in self.expected}
        for entry in self.cluster.engine.contents.log:
            for row in entry.rows:
                if row.is_announced:
                    announced[row.user_id].append(decoded_record(row.record).status.is_online)
        return announced


AnnouncementsMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnnouncements = AnnouncementsMachine.TestCase
