"""Whatever happens, a page that applies updates shows the same as a page opened now."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from models.calls import Call
from models.errors import Conflict, Invalid
from models.status import Profile
from models.user_documents import NewUser
from tests.realtime.client import Client
from tests.realtime.operators import LivePage, watch
from tests.realtime.world import World

USERS = 6
users = st.integers(1, USERS)


class OverviewMachine(RuleBasedStateMachine):
    """Users, calls and operators come and go; some operators read slowly; the store is tampered with."""

    @initialize(connected=st.sets(users))
    def begin(self, connected: set[int]) -> None:
        self.world = World(
            USERS, sockets_per_user=1000, outbox_limit_bytes=65536, flapping_changes=6, long_call_seconds=20.0
        )
        self.screens: list[LivePage] = []
        self.calls: list[Call] = []
        self.created = 0
        self.passing: list[int] = []
        """Users who were created and not deleted yet."""
        for user_id in connected:
            self.world.connect(user_id)
        self.screens.append(watch(self.world))

    @rule(user_id=users)
    def connect(self, user_id: int) -> None:
        self.world.connect(user_id)

    @rule(number=st.integers(0, 20), clean=st.booleans())
    def end_a_socket(self, number: int, clean: bool) -> None:
        sockets: list[Client] = [each for each in self.world.clients if each.is_open]
        if sockets:
            (self.world.leave if clean else self.world.lose)(sockets[number % len(sockets)])

    @rule(user_id=users, change=st.sampled_from([("is_busy", True), ("is_busy", False), ("is_online", False)]))
    def set_status(self, user_id: int, change: tuple[str, bool]) -> None:
        self.world.put(user_id, **dict([change]))

    @rule(user_id=users, over_socket=st.booleans())
    def beat(self, user_id: int, over_socket: bool) -> None:
        self.world.beat(user_id, over_socket=over_socket)

    @rule(caller_id=users, callee_id=users)
    def call(self, caller_id: int, callee_id: int) -> None:
        with suppress(Conflict, Invalid):
            self.calls.append(self.world.call(caller_id, callee_id))

    @rule()
    def hang_up(self) -> None:
        if self.calls:
            call = self.calls.pop()
            self.world.hang_up(call.caller_id, call)

    @rule(user_id=users, name=st.sampled_from(["ann", "Bob"]))
    def rename(self, user_id: int, name: str) -> None:
        self.world.rename(Profile(user_id, f"{name}{user_id}", None))

    @rule()
    def create(self) -> None:
        new = NewUser(f"new{self.created}", None, None)
        user_id = self.world.run(self.world.core.membership.create(new)).profile.user_id
        self.world.connect(user_id)
        self.passing.append(user_id)
        self.created += 1

    @rule(number=st.integers(0, 5), other_id=users)
    def delete(self, number: int, other_id: int) -> None:
        """Delete a user who was created, and is perhaps in a call."""
        if self.passing:
            user_id = self.passing.pop(number % len(self.passing))
            with suppress(Conflict):
                self.world.call(user_id, other_id)
            self.world.run(self.world.core.membership.delete(user_id))

    @rule(user_id=users)
    def tamper(self, user_id: int) -> None:
        self.world.calls.locks.setdefault(user_id, "gone")

    @rule()
    def inspect(self) -> None:
        self.world.run(self.world.core.check_store())

    @rule()
    def look(self) -> None:
        self.world.core.overview_feed.refresh()

    @rule()
    def sample(self) -> None:
        self.world.core.overview_feed.take_sample()

    @rule(seconds=st.sampled_from([0.25, 1.0, 5.0]))
    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.world.core.operator_sessions.tick()
        for screen in self.screens:
            screen.answer(self.world)

    @rule(kernel_bytes=st.sampled_from([500, 1 << 20]))
    def another_page_opens(self, kernel_bytes: int) -> None:
        self.screens.append(watch(self.world, kernel_bytes=kernel_bytes))

    @rule(number=st.integers(0, 5))
    def a_page_reads_slowly(self, number: int) -> None:
        if self.screens:
            self.screens[number % len(self.screens)].transport.stall()

    @rule(number=st.integers(0, 5))
    def a_page_closes(self, number: int) -> None:
        if self.screens:
            self.screens.pop(number % len(self.screens)).operator_session.closed_by_peer(1001)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for screen in self.screens:
            screen.transport.resume()
        self.world.settle()
        self.world.core.operator_sessions.tick()
        self.world.settle()
        fresh = shown(watch(self.world))
        for user_id, row in fresh["users"].items():
            assert without_countdown(row) == without_countdown(known(self.world, user_id))
        for screen in self.screens:
            if screen.operator_session.is_open:
                assert shown(screen) == fresh
        self.world.close()


def known(world: World, user_id: int) -> dict[str, Any]:
    """Return the current row of a user."""
    row: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(world.core.overview.row(user_id)))
    return row


def without_countdown(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without its countdown, which can differ by a millisecond each time."""
    because = row["because"]
    return row | {"because": because | {"at": None}} if because.get("counts") == "down" else row


def shown(screen: LivePage) -> dict[str, Any]:
    """Return what a page knows and shows."""
    picture = screen.fold()
    return {
        **picture,
        "events": picture["events"][:50],
        "history": [row for row in picture["history"] if row[0] > picture["history"][-1][0] - 900_000],
    }


TestOverviewMachine = OverviewMachine.TestCase
TestOverviewMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
