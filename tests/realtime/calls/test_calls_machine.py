"""Calls, under any race and any store fault: at most one per user, who is busy exactly while it lasts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.calls import Call
from models.errors import RequestError, StoreUnavailable
from tests.realtime.stores import Fault
from tests.realtime.world import World

pytestmark = pytest.mark.usefixtures("without_coverage")

USERS = 4
LEASE_SECONDS = 16.0
user_ids = st.integers(1, USERS)
faults: st.SearchStrategy[Fault] = st.sampled_from(["none", "none", "none", "refused", "reply_lost", "half"])


class Starts:
    """A request to start or end a call, as its client sees it."""

    def __init__(self, task: asyncio.Task[Call], key: str | None) -> None:
        self.task = task
        self.key = key

    @property
    def answer(self) -> Call | None:
        """The call of a 200; None after a refusal or a failure, or while the request is in progress."""
        if not self.task.done() or self.task.cancelled():
            return None
        error = self.task.exception()
        assert error is None or isinstance(error, RequestError | StoreUnavailable), error
        return self.task.result() if error is None else None


class CallsMachine(RuleBasedStateMachine):
    """Users start and end calls, come and go; the store is slow, fails, loses replies; the process crashes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(USERS, call_lease_seconds=LEASE_SECONDS, announcements_per_second=1000)
        self.requests: list[Starts] = []
        self.ended: dict[str, Call] = {}
        for user_id in range(1, USERS + 1):
            self.world.connect(user_id, "presence")

    @rule(caller_id=user_ids, callee_id=user_ids, key=st.sampled_from([None, None, "a", "b"]))
    def start(self, caller_id: int, callee_id: int, key: str | None) -> None:
        task = self.world.begin(self.world.core.switchboard.start(caller_id, callee_id, "audio", key))
        self.requests.append(Starts(task, key))

    @rule(data=st.data(), user_id=user_ids)
    def end(self, data: st.DataObject, user_id: int) -> None:
        if known := [each.answer for each in self.requests if each.answer]:
            call = data.draw(st.sampled_from(known))
            task = self.world.begin(self.world.core.switchboard.end(user_id, call.call_id, "completed"))
            if user_id in call.participants:
                self.requests.append(Starts(task, None))

    @rule(holds=st.booleans())
    def hold(self, holds: bool) -> None:
        self.world.faults.holds = holds

    @precondition(lambda self: self.world.faults.held)
    @rule(data=st.data(), fault=faults)
    def step(self, data: st.DataObject, fault: Fault) -> None:
        data.draw(st.sampled_from(self.world.faults.held)).go(fault)
        self.world.settle()

    @rule(operation=st.sampled_from(["lock", "insert", "end", "unlock", "get"]), fault=faults)
    def fail_next(self, operation: str, fault: Fault) -> None:
        self.world.faults.script(operation, fault)

    @rule(down=st.booleans())
    def take_down(self, down: bool) -> None:
        self.world.faults.is_down = down

    @rule(user_id=user_ids)
    def come_or_go(self, user_id: int) -> None:
        client = self.world.clients[user_id - 1]
        if client.is_open:
            self.world.lose(client)
        else:
            self.world.connect(user_id, "presence", client=client)

    @rule(user_id=user_ids)
    def set_busy(self, user_id: int) -> None:
        if not self.world.faults.is_down and not self.world.faults.holds:
            self.world.put(user_id, is_busy=not self.world.core.registry.get(user_id).claims.set_busy)

    @rule(seconds=st.sampled_from([0.5, 2.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def crash(self) -> None:
        self.world.crash()
        self.heal()
        self.world.start()

    @rule()
    def rest(self) -> None:
        self.be_quiet()

    @invariant()
    def a_user_is_in_at_most_one_call(self) -> None:
        parties = [user_id for call in self.ongoing() for user_id in call.participants]
        assert len(parties) == len(set(parties))

    @invariant()
    def an_end_stays_as_it_was(self) -> None:
        for call in self.world.calls.calls.values():
            if call.status != "ongoing":
                assert self.ended.setdefault(call.call_id, call) == call

    @invariant()
    def what_was_acknowledged_is_in_the_store(self) -> None:
        for answer in (each.answer for each in self.requests):
            if answer is not None:
                stored = self.world.calls.calls[answer.call_id]
                assert stored == answer or answer.status == "ongoing"

    @invariant()
    def busy_by_a_call_is_to_be_in_an_ongoing_one(self) -> None:
        for entry in self.world.core.registry:
            call = self.world.core.switchboard.ongoing.of_user(entry.profile.user_id)
            assert entry.claims.call_id == (call.call_id if call else None)

    def ongoing(self) -> list[Call]:
        return [each for each in self.world.calls.calls.values() if each.status == "ongoing"]

    def heal(self) -> None:
        self.world.faults.holds = self.world.faults.is_down = False
        self.world.faults.next.clear()
        while self.world.faults.held:
            self.world.faults.held[0].go()
            self.world.settle()

    def be_quiet(self) -> None:
        """Check that memory and store agree soon after the store works again and requests have stopped."""
        self.heal()
        self.world.advance(4)
        ongoing = {call.call_id: call for call in self.ongoing()}
        claims = {user_id: call.call_id for call in ongoing.values() for user_id in call.participants}
        assert self.world.calls.locks == claims
        for entry in self.world.core.registry:
            assert entry.claims.call_id == claims.get(entry.profile.user_id)
            assert entry.status.is_busy == (entry.claims.set_busy or entry.profile.user_id in claims)
        assert len(self.world.core.switchboard.ongoing) == len(ongoing)
        for client in self.world.clients:
            self.compare_told(client.user_id)

    def compare_told(self, user_id: int) -> None:
        """Check that of each call, a user was told the start and the end, at most once each, in this order."""
        self.world.arrive()
        told: dict[str, list[bool]] = {}
        for message in self.world.clients[user_id - 1].messages("call_status_update"):
            assert user_id in (message["call"]["caller_id"], message["call"]["callee_id"])
            told.setdefault(message["call"]["call_id"], []).append(message["call"]["status"] == "ongoing")
        assert all(states in ([True], [False], [True, False]) for states in told.values())

    def teardown(self) -> None:
        try:
            self.be_quiet()
            for client in self.world.clients:
                if client.is_open:
                    self.world.leave(client)
            self.world.advance(LEASE_SECONDS + 5)
            assert self.ongoing() == []
            assert self.world.calls.locks == {}
            assert self.world.core.switchboard.ongoing._taken == {}
        finally:
            self.world.close()


CallsMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCalls = CallsMachine.TestCase
