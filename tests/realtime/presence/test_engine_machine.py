"""Presence against a small model: online means a socket, a fresh heartbeat or grace, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.status import Status, differs
from realtime.presence.changelog import Change
from realtime.presence.user_entry import UserEntry
from realtime.protocol import Reason
from tests.realtime.client import Client
from tests.realtime.world import World

pytestmark = pytest.mark.usefixtures("without_coverage")

USERS = 3
user_ids = st.integers(1, USERS)
GRACE, CLEAN, LIFE, HOLD = 15.0, 1.0, 90.0, 45.0


class Modelled:
    """A user according to the contract. Deadlines are steady seconds, except for the end of busy, in wall time."""

    def __init__(self) -> None:
        self.sockets: list[Client] = []
        self.forgiven_until = 0.0
        self.heartbeat_until = 0.0
        self.heartbeat_wall: datetime | None = None
        self.is_set_offline = False
        self.is_set_busy = False
        self.busy_until: datetime | None = None

    def is_alive(self, now: float) -> bool:
        return bool(self.sockets) or now < max(self.forgiven_until, self.heartbeat_until)

    def is_online(self, now: float) -> bool:
        return self.is_alive(now) and not self.is_set_offline

    def expire(self, wall: datetime) -> None:
        """End busy at its time. Once ended, it stays so wherever the clock jumps."""
        if self.busy_until is not None and wall >= self.busy_until:
            self.is_set_busy, self.busy_until = False, None

    def beat(self, now: float, wall: datetime) -> None:
        self.is_set_offline = False
        self.heartbeat_until = now + LIFE
        self.heartbeat_wall = wall

    def restart(self, was_alive: bool, now: float, wall: datetime) -> None:
        self.sockets.clear()
        self.forgiven_until = now + HOLD if was_alive else 0.0
        if was_alive and self.heartbeat_wall is not None:
            self.heartbeat_until = now + LIFE - max(0.0, (wall - self.heartbeat_wall).total_seconds())
        self.expire(wall)


class PresenceMachine(RuleBasedStateMachine):
    """Devices connect, disconnect and fail, time passes, clocks jump, the server stalls and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(USERS)
        self.stalled = 0.0
        self.users = {user_id: Modelled() for user_id in range(1, USERS + 1)}
        self.last_told: dict[int, Status] = {}
        self.listen()

    @property
    def now(self) -> float:
        return self.world.time.seconds - self.stalled

    def listen(self) -> None:
        """Check announcements against actual changes."""
        log, registry = self.world.core.changes, self.world.core.registry
        append, replace_status = log.append, registry.replace_status
        self.last_told = {each.user_id: each for each in registry.statuses()}
        told: list[tuple[float, int]] = []
        changed: set[int] = set()

        def note_change(entry: UserEntry, status: Status) -> None:
            if differs(entry.status, status):
                changed.add(status.user_id)
            replace_status(entry, status)

        def note_announcement(status: Status, reason: Reason, seq: int, **tags: Any) -> Change:
            assert status.user_id in changed, "only what changed is announced"
            changed.discard(status.user_id)
            times = [at for at, user_id in told if user_id == status.user_id]
            assert len(times) < 4 or self.now - times[-4] >= 1.0, "at most four a second"
            told.append((self.now, status.user_id))
            self.last_told[status.user_id] = status
            return append(status, reason, seq, **tags)

        registry.replace_status = note_change  # type: ignore[method-assign]
        log.append = note_announcement  # type: ignore[method-assign]

    @rule(user_id=user_ids)
    def connect(self, user_id: int) -> None:
        if len(self.users[user_id].sockets) < 3:
            self.users[user_id].sockets.append(self.world.connect(user_id, "presence"))

    @rule(user_id=user_ids, clean=st.booleans(), data=st.data())
    def close(self, user_id: int, clean: bool, data: st.DataObject) -> None:
        user = self.users[user_id]
        if not user.sockets:
            return
        client = data.draw(st.sampled_from(user.sockets))
        user.sockets.remove(client)
        (self.world.leave if clean else self.world.lose)(client)
        if not user.sockets:
            user.forgiven_until = self.now + (CLEAN if clean else GRACE)

    @rule(user_id=user_ids)
    def heartbeat(self, user_id: int) -> None:
        self.users[user_id].beat(self.now, self.world.beat(user_id).last_seen)

    @rule(user_id=user_ids)
    def heartbeat_over_a_socket(self, user_id: int) -> None:
        if self.users[user_id].sockets:
            self.world.beat(user_id, over_socket=True)
            self.users[user_id].is_set_offline = False

    @rule(user_id=user_ids, online=st.booleans())
    def set_online(self, user_id: int, online: bool) -> None:
        user, status = self.users[user_id], self.world.put(user_id, is_online=online)
        if online:
            user.beat(self.now, status.last_seen)
        else:
            user.is_set_offline, user.heartbeat_until, user.heartbeat_wall = True, 0.0, None

    @rule(user_id=user_ids, busy=st.booleans())
    def set_busy(self, user_id: int, busy: bool) -> None:
        user = self.users[user_id]
        self.world.put(user_id, is_busy=busy)
        user.is_set_busy, user.busy_until = busy, None

    @rule(user_id=user_ids, seconds=st.sampled_from([1, 20, 100]))
    def set_busy_until(self, user_id: int, seconds: int) -> None:
        user, until = self.users[user_id], self.world.time.wall() + timedelta(seconds=seconds)
        self.world.put(user_id, busy_until=until)
        user.is_set_busy, user.busy_until = True, until

    @rule(seconds=st.sampled_from([0.25, 0.75, 1.0, 5.0, 14.75, 20.0, 44.0, 91.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.expire()

    def expire(self) -> None:
        for user in self.users.values():
            user.expire(self.world.time.wall())

    @rule(jump=st.sampled_from([timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)]))
    def jump(self, jump: timedelta) -> None:
        self.world.time.jumped += jump
        self.world.core.tick()
        self.world.settle()
        self.expire()

    @rule(seconds=st.sampled_from([3.0, 40.0, 1000.0]))
    def stall(self, seconds: float) -> None:
        self.stalled += seconds - self.world.settings.stall_seconds
        self.world.stall(seconds)
        self.expire()

    @rule(down_seconds=st.sampled_from([0.0, 2.0, 60.0]))
    def restart(self, down_seconds: float) -> None:
        self.world.flush()
        alive = {user_id: user.is_alive(self.now) for user_id, user in self.users.items()}
        self.world.crash()
        self.world.time.seconds += down_seconds
        self.world.start()
        for user_id, user in self.users.items():
            user.restart(alive[user_id], self.now, self.world.time.wall())
        self.listen()

    @rule(user_id=user_ids)
    def toggle_often(self, user_id: int) -> None:
        for _ in range(8):
            self.set_busy(user_id, not self.users[user_id].is_set_busy)

    @invariant()
    def the_server_says_what_the_model_says(self) -> None:
        for user_id, user in self.users.items():
            status = self.world.status(user_id)
            assert status.is_online == user.is_online(self.now)
            assert status.is_busy == user.is_set_busy
            assert status.is_available == (status.is_online and not status.is_busy)
            assert status.busy_until == (user.busy_until if status.is_busy else None)

    @invariant()
    def counts_are_right(self) -> None:
        everyone = self.world.core.registry.statuses()
        assert self.world.core.registry.online == sum(each.is_online for each in everyone)
        assert self.world.core.registry.available == sum(each.is_available for each in everyone)

    def teardown(self) -> None:
        try:
            self.pass_time(5.0)
            for status in self.world.core.registry.statuses():
                assert not differs(self.last_told[status.user_id], status), "the last state was announced"
            for user_id in self.users:
                while self.users[user_id].sockets:
                    self.world.leave(self.users[user_id].sockets.pop())
            self.world.advance(LIFE + 1)
            assert self.world.core.registry.online == 0, "no ghosts"
            assert not self.world.core.timers._live
        finally:
            self.world.close()


PresenceMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestPresence = PresenceMachine.TestCase
