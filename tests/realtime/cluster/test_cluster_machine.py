"""Cluster against a small model: whatever happens to servers, connections and the engine, all agree in the end."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from models.calls import Call
from models.errors import NotFound, StoreUnavailable
from models.status import Status, StatusChange
from models.tokens import Identity
from models.user_documents import StoredUser
from tests.realtime.client import Client, known
from tests.realtime.cluster.world import ClusterWorld, NodeWorld
from tests.realtime.stores import Fault
from tests.realtime.world import TICK_SECONDS

pytestmark = pytest.mark.usefixtures("without_coverage")

NODES, USERS = 3, 3
node_numbers = st.integers(0, NODES - 1)
user_ids = st.integers(1, USERS)
SETTLING_SECONDS = 130.0
"""Longer than any evidence lasts: a heartbeat of a server that is gone is held for 90 s."""


class ClusterMachine(RuleBasedStateMachine):
    """Users come and go on any server; servers crash, pause and are cut off; the engine restarts and forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = ClusterWorld(NODES, USERS)
        self.clients: list[tuple[NodeWorld, Client]] = []
        self.requests: list[tuple[int, StatusChange, asyncio.Task[Status]]] = []
        self.calls: list[asyncio.Task[Call]] = []
        self.deletions: list[tuple[int, asyncio.Task[StoredUser]]] = []
        self.claims: dict[int, dict[str, bool]] = {user_id: {} for user_id in range(1, USERS + 1)}
        """What was last asked for and answered, by user. Without an entry it is unknown."""
        self.away: dict[int, Client] = {}
        """A client of each user that was disconnected, and may come back to resume."""
        self.contents: dict[tuple[str | None, int], object] = {}
        """What clients were told under each `seq` of an epoch."""

    # Users.

    @rule(number=node_numbers, user_id=user_ids, resumes=st.booleans(), has_old_token=st.booleans())
    def connect(self, number: int, user_id: int, resumes: bool, has_old_token: bool) -> None:
        node = self.cluster.nodes[number]
        identity = self.identity(user_id, age=has_old_token)
        if node.is_listening and len(self.clients) < 5 and not node.core.authenticator.is_revoked(identity):
            client = self.away.pop(user_id, None) if resumes else None
            self.clients.append((node, self.cluster.connect(number, user_id, client, identity)))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), is_clean=st.booleans())
    def disconnect(self, data: st.DataObject, is_clean: bool) -> None:
        node, client = data.draw(st.sampled_from(self.clients))
        if node.is_running:
            self.forget(node, client)
            node.leave(client) if is_clean else node.lose(client)
            self.cluster.settle()

    @rule(number=node_numbers, user_id=user_ids)
    def beat(self, number: int, user_id: int) -> None:
        if self.cluster.nodes[number].is_listening and not self.is_asking(user_id):
            self.ask(number, user_id, StatusChange(is_online=True))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def beat_over_socket(self, data: st.DataObject) -> None:
        node, client = data.draw(st.sampled_from(self.clients))
        if node.is_listening and client.is_open and not self.is_asking(client.user_id):
            self.claims[client.user_id].pop("is_online", None)
            node.beat(client.user_id, over_socket=True)
            self.cluster.advance(TICK_SECONDS)  # what another server is asked for next is later

    @rule(
        number=node_numbers,
        user_id=user_ids,
        change=st.sampled_from(
            [StatusChange(is_busy=True), StatusChange(is_busy=False), StatusChange(is_online=False)]
        ),
    )
    def put(self, number: int, user_id: int, change: StatusChange) -> None:
        if self.cluster.nodes[number].is_listening and not self.is_asking(user_id):
            self.ask(number, user_id, change)

    @rule(number=node_numbers, caller_id=user_ids, callee_id=user_ids)
    def call(self, number: int, caller_id: int, callee_id: int) -> None:
        node = self.cluster.nodes[number]
        if node.is_listening and caller_id != callee_id:
            self.calls.append(node.begin(node.core.switchboard.start(caller_id, callee_id, "audio", None)))
            self.cluster.settle()

    @precondition(lambda self: self.calls)
    @rule(number=node_numbers, data=st.data())
    def hang_up(self, number: int, data: st.DataObject) -> None:
        node, task = self.cluster.nodes[number], data.draw(st.sampled_from(self.calls))
        if node.is_listening and task.done() and not task.cancelled() and task.exception() is None:
            call = task.result()
            node.begin(node.core.switchboard.end(call.caller_id, call.call_id, "completed"))
            self.cluster.settle()

    @rule(number=node_numbers, user_id=user_ids)
    def revoke(self, number: int, user_id: int) -> None:
        """Sign the user out everywhere. Sockets that are opened later have newer tokens."""
        node = self.cluster.nodes[number]
        if node.is_listening:
            node.begin(node.core.revocations.revoke(user_id))
            self.cluster.settle()

    @rule(number=node_numbers, user_id=user_ids)
    def delete(self, number: int, user_id: int) -> None:
        """Delete a user, unless only one would be left."""
        node = self.cluster.nodes[number]
        if node.is_listening and len(self.users_left()) > 1:
            self.deletions.append((user_id, node.begin(node.core.membership.delete(user_id))))
            self.cluster.settle()

    @rule(number=node_numbers, user_id=user_ids, is_enabled=st.booleans())
    def switch(self, number: int, user_id: int, is_enabled: bool) -> None:
        """Enable or disable a user."""
        node = self.cluster.nodes[number]
        if node.is_listening:
            membership = node.core.membership
            self.claims[user_id].pop("is_online", None)
            node.begin(membership.enable(user_id) if is_enabled else membership.disable(user_id))
            self.cluster.settle()

    # Servers.

    @rule(number=node_numbers)
    def drain(self, number: int) -> None:
        node = self.cluster.nodes[number]
        if node.is_listening:
            node.drain()
            self.cluster.settle()
            self.end_clients(node)
            node.crash()
            self.cluster.settle()

    @rule(number=node_numbers)
    def crash(self, number: int) -> None:
        node = self.cluster.nodes[number]
        if node.is_up:
            self.end_clients(node)
            node.crash()
            self.cluster.settle()

    @rule(number=node_numbers)
    def restart(self, number: int) -> None:
        if not self.cluster.nodes[number].is_up:
            self.cluster.nodes[number].start()
            self.cluster.settle()

    @rule(number=node_numbers)
    def pause(self, number: int) -> None:
        self.cluster.nodes[number].is_paused = self.cluster.nodes[number].is_up

    @rule(number=node_numbers)
    def resume(self, number: int) -> None:
        self.cluster.nodes[number].is_paused = False
        self.cluster.settle()

    # Connections and the engine.

    @rule(number=node_numbers)
    def cut_off(self, number: int) -> None:
        self.cluster.nodes[number].shared.cut_off()
        self.cluster.settle()

    @rule(number=node_numbers)
    def reconnect(self, number: int) -> None:
        self.cluster.nodes[number].shared.reconnect()
        self.cluster.settle()

    @rule(number=node_numbers)
    def lose_reply(self, number: int) -> None:
        self.cluster.nodes[number].shared.lose_replies()

    @rule(number=node_numbers)
    def delay(self, number: int) -> None:
        self.cluster.nodes[number].shared.hold_delivery()

    @rule(number=node_numbers, entries=st.integers(1, 3))
    def deliver(self, number: int, entries: int) -> None:
        self.cluster.nodes[number].shared.deliver(entries)
        self.cluster.settle()

    @rule(number=node_numbers)
    def release(self, number: int) -> None:
        self.cluster.nodes[number].shared.release_delivery()
        self.cluster.settle()

    @rule(number=node_numbers)
    def hold_commands(self, number: int) -> None:
        self.cluster.nodes[number].shared.hold()

    @rule(number=node_numbers)
    def release_commands(self, number: int) -> None:
        self.cluster.nodes[number].shared.release()
        self.cluster.settle()

    @rule(number=node_numbers)
    def refuse(self, number: int) -> None:
        self.cluster.nodes[number].shared.refuse()

    @rule(keep=st.integers(1, 3))
    def trim(self, keep: int) -> None:
        self.cluster.engine.trim(keep)

    @rule()
    def attach_replica(self) -> None:
        self.cluster.engine.attach_replica()

    @rule(
        operation=st.sampled_from(
            [
                "save_claims",
                "save_evidence",
                "lock",
                "insert",
                "end",
                "unlock",
                "ongoing",
                "delete",
                "disable",
                "enable",
            ]
        ),
        fault=st.sampled_from(["refused", "reply_lost"]),
    )
    def fail_in_store(self, operation: str, fault: Fault) -> None:
        self.cluster.faults.script(operation, fault)

    @rule()
    def stop_engine(self) -> None:
        self.cluster.engine.stop()
        self.cluster.settle()

    @rule(lost=st.sampled_from([0, 1, 3, None]))
    def start_engine(self, lost: int | None) -> None:
        if not self.cluster.engine.is_up:
            self.cluster.engine.start(lost_entries=lost)
            self.cluster.settle()

    @rule(lost=st.sampled_from([0, 1, 3]), is_noticed=st.booleans())
    def fail_over(self, lost: int, is_noticed: bool) -> None:
        if self.cluster.engine.is_up:
            self.cluster.engine.fail_over(lost_entries=lost, drops_connections=is_noticed)
            self.cluster.settle()

    @rule(seconds=st.sampled_from([0.25, 1.0, 4.0, 9.0]))
    def advance(self, seconds: float) -> None:
        self.cluster.advance(seconds)
        self.collect()

    # In the end.

    def teardown(self) -> None:
        try:
            self.come_to_rest()
            self.check()
            self.send_everybody_away()
            self.check_nothing_is_left()
        finally:
            self.cluster.close()

    def come_to_rest(self) -> None:
        """End every trouble, and wait until nothing is held any more."""
        self.cluster.faults.next.clear()
        if not self.cluster.engine.is_up:
            self.cluster.engine.start()
        for node in self.cluster.nodes:
            node.is_paused = False
            if not node.is_up:
                node.start()
            node.shared.reconnect()
            node.shared.release()
            node.shared.release_delivery()
        self.cluster.advance(SETTLING_SECONDS, ticks=16)
        self.collect()

    def check(self) -> None:
        pictures = self.cluster.pictures()
        assert pictures[0] == pictures[1] == pictures[2]
        assert sorted(pictures[0]) == self.users_left(), "a deleted user is gone everywhere, and nobody else"
        for user_id, deletion in self.deletions:
            is_deleted = deletion.done() and not deletion.cancelled() and deletion.exception() is None
            assert not is_deleted or user_id not in pictures[0], "an answered deletion survives"
        ongoing = [call for call in self.cluster.calls.calls.values() if call.status == "ongoing"]
        in_calls = [user_id for call in ongoing for user_id in call.participants]
        assert len(in_calls) == len(set(in_calls)), "a user is in one call at most"
        assert sorted(self.cluster.calls.locks) == sorted(in_calls), "locks are those of ongoing calls"
        for node in self.cluster.nodes:
            assert sorted(call.call_id for call in node.core.switchboard.ongoing.all()) == sorted(
                call.call_id for call in ongoing
            ), "every server knows the calls in the store"
        connected = {client.user_id for node, client in self.clients if client.is_open}
        for user_id, status in pictures[0].items():
            claims = self.claims[user_id]
            if "is_busy" in claims:
                is_busy = claims["is_busy"] or user_id in in_calls
                assert status["is_busy"] == is_busy, "an answered change survives, and a call is one for all"
            if "is_online" in claims:
                is_let_in = not self.cluster.users.rows[user_id].disabled
                expected = user_id in connected and claims["is_online"] and is_let_in
                assert status["is_online"] == expected, "online means a socket"
            elif user_id not in connected:
                assert not status["is_online"], "nobody stays online without a reason"
        for node, client in self.clients:
            if client.is_open:
                client.fold()
                theirs = {user_id: pictures[0][user_id] for user_id in client.picture}
                assert client.picture == theirs, f"a client of {node.name} knows what its server knows"
        self.check_sessions()
        for _, client in self.clients:
            self.note_contents(client)
            assert not client.is_open or client.session.identity == self.unrevoked(client), "revoked means no socket"
        for node in self.cluster.nodes:
            assert not len(node.core.log), "nothing waits for ever"
            for user_id in self.claims:
                old = self.identity(user_id, age=1)
                stored = self.cluster.users.rows[user_id]
                is_refused = stored.disabled or (old.version or 0) < stored.token_version
                assert node.core.authenticator.is_revoked(old) == is_refused, "revoked tokens are refused everywhere"

    def check_sessions(self) -> None:
        """Every server, and the engine, has the sockets of all."""
        here = {node.own: sorted(each.session_id for each in node.core.hub) for node in self.cluster.nodes}
        everywhere = sorted(each for theirs in here.values() for each in theirs)
        for node in self.cluster.nodes:
            shown = sorted(
                each.session_id for user_id in self.claims for each in node.core.session_list.of_user(user_id)
            )
            assert shown == everywhere, f"{node.name} shows the sockets of all servers"
        stored = {server: sorted(rows) for server, rows in self.cluster.engine.contents.sessions.items()}
        assert stored == {server: theirs for server, theirs in here.items() if theirs}, "and the engine has their rows"

    def send_everybody_away(self) -> None:
        """End all sockets and calls, and wait until no evidence lasts any more."""
        for node, client in self.clients:
            if client.is_open:
                node.lose(client)
        for call in list(self.cluster.calls.calls.values()):
            world = self.cluster.nodes[0]
            world.begin(world.core.switchboard.end(call.caller_id, call.call_id, "completed"))
        self.cluster.advance(SETTLING_SECONDS, ticks=16)

    def check_nothing_is_left(self) -> None:
        assert not self.cluster.engine.contents.sessions, "no row of a socket"
        assert not self.cluster.calls.locks, "no lock"
        for node in self.cluster.nodes:
            assert not len(node.core.switchboard.ongoing), "no call"
            assert list(node.core.timers._live) == ["renew"], "no timer but the renewal of the lease"
            for entry in node.core.registry:
                assert not entry.record.alive_on, "no evidence"
                assert not entry.has_evidence(node.core.environment.clock.now()), "no evidence"
        latest = [{each.user_id: each.seq for each in node.core.changes.since(0)} for node in self.cluster.nodes]
        assert latest[0] == latest[1] == latest[2], "every server has the same latest changes"

    # Clients.

    def identity(self, user_id: int, *, age: int) -> Identity:
        """Return what a token states that was issued before the last revocations, or after them."""
        version = max(0, self.cluster.users.rows[user_id].token_version - age)
        return msgspec.structs.replace(self.cluster.nodes[0].identity(user_id), version=version)

    def unrevoked(self, client: Client) -> Identity:
        """Return the client's identity as it would be in a token that is not revoked."""
        identity = client.session.identity
        version = max(identity.version or 0, self.cluster.users.rows[client.user_id].token_version)
        return msgspec.structs.replace(identity, version=version)

    def forget(self, node: NodeWorld, client: Client) -> None:
        """A client is about to lose its connection. It may come back."""
        self.note_contents(client)
        self.clients.remove((node, client))
        self.away[client.user_id] = client

    def end_clients(self, node: NodeWorld) -> None:
        """A server is about to end."""
        for each in [each for each in self.clients if each[0] is node]:
            self.forget(*each)

    def note_contents(self, client: Client) -> None:
        """Check that nobody was told something else under the same `seq`."""
        client.fold()
        for each in client.updates():
            content: object = (each["user_id"], known(each["status"]))
            assert self.contents.setdefault((client.epoch, each["seq"]), content) == content, "one content for a seq"
        for each in client.messages("user_removed"):
            content = each["user_id"]
            assert self.contents.setdefault((client.epoch, each["seq"]), content) == content, "one content for a seq"

    # Requests.

    def users_left(self) -> list[int]:
        """Return the ids of those who are not deleted in the store."""
        return sorted(user_id for user_id, row in self.cluster.users.rows.items() if row.deleted_at is None)

    def is_asking(self, user_id: int) -> bool:
        self.collect()
        return any(user_id == each for each, _, _ in self.requests)

    def ask(self, number: int, user_id: int, change: StatusChange) -> None:
        node = self.cluster.nodes[number]
        for name in ("is_busy", "is_online"):
            if getattr(change, name) is not msgspec.UNSET:
                self.claims[user_id].pop(name, None)
        self.requests.append((user_id, change, node.begin(node.core.presence.change(user_id, change))))
        self.cluster.settle()
        self.collect()

    def collect(self) -> None:
        """Note which requests were answered."""
        for request in list(self.requests):
            user_id, change, task = request
            if not task.done():
                continue
            self.requests.remove(request)
            if task.cancelled() or isinstance(task.exception(), StoreUnavailable | NotFound):
                continue
            for name in ("is_busy", "is_online"):
                value = getattr(change, name)
                if value is not msgspec.UNSET:
                    self.claims[user_id][name] = value


ClusterMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestCluster = ClusterMachine.TestCase
