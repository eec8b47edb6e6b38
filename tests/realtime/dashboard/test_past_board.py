"""Past board: it equals what the dashboard showed at the time."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import Call
from models.checkpoints import PastCall, PastUser
from models.errors import Conflict, Invalid, NotFound
from models.events import Event, EventKind
from models.status import Profile
from models.times import from_milliseconds, milliseconds
from models.user_documents import NewUser
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.capture import Capture, capture
from realtime.dashboard.operator_messages import encode_message
from realtime.dashboard.past_board import PastBoard
from realtime.dashboard.rows import Figures
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
USERS = 7

Shown = tuple[dict[int, tuple[str, int, str]], dict[str, tuple[int, int, str, int]], Figures]
"""The users by id, each with the state, its beginning and the call; and the calls by id."""


def event(number: int, kind: EventKind, user_id: int = 1, *, cause: str = "set", **fields: Any) -> Event:
    return Event(f"{number:04}", NOON + timedelta(seconds=number), kind, user_id, f"user{user_id}", cause, **fields)


def board(seconds: int, *users: PastUser, calls: tuple[PastCall, ...] = ()) -> PastBoard:
    return PastBoard(NOON + timedelta(seconds=seconds), users, calls)


def at(seconds: int) -> int:
    return milliseconds(NOON + timedelta(seconds=seconds))


def test_the_last_event_up_to_the_moment_counts() -> None:
    shown = board(10, PastUser(1, "offline", at(-5)))
    for each in (event(3, "available"), event(10, "busy", cause="call_started"), event(11, "offline")):
        shown.apply(each)
    assert shown.users == {1: PastUser(1, "busy", at(10), "call_started")}


def test_an_event_that_repeats_the_state_does_not_begin_it_anew() -> None:
    shown = board(10, PastUser(1, "available", at(-5), "connected"))
    shown.apply(event(3, "available", cause="heartbeat"))
    assert shown.users[1] == PastUser(1, "available", at(-5), "connected")


def test_events_of_servers_whose_clocks_differ_count_in_the_order_of_their_ids() -> None:
    shown = board(10)
    shown.apply(msgspec.structs.replace(event(1, "available"), at=NOON + timedelta(seconds=11)))
    shown.apply(msgspec.structs.replace(event(2, "busy"), at=NOON + timedelta(seconds=9)))
    shown.apply(msgspec.structs.replace(event(3, "offline"), at=NOON + timedelta(seconds=8)))
    assert shown.users[1].state == "offline"


def test_calls_begin_and_end() -> None:
    shown = board(10, calls=(PastCall("a", 1, 2, "audio", at(-60)), PastCall("b", 3, 4, "video", at(-30))))
    shown.apply(event(1, "call_ended", call_id="a", other_id=2, cause="completed"))
    shown.apply(event(2, "call_started", 5, call_id="c", other_id=6, cause="video"))
    shown.apply(event(3, "call_started", 7, call_id="d", other_id=8, cause="audio"))
    shown.apply(event(4, "call_ended", call_id="unknown", other_id=2, cause="completed"))
    assert shown.calls() == [
        PastCall("b", 3, 4, "video", at(-30)), PastCall("c", 5, 6, "video", at(2)), PastCall("d", 7, 8, "audio", at(3)),
    ]  # fmt: skip
    assert {user_id: call.call_id for user_id, call in shown.calls_by_user().items()} == {
        3: "b", 4: "b", 5: "c", 6: "c", 7: "d", 8: "d",
    }  # fmt: skip


def test_what_operators_do_is_no_state() -> None:
    shown = board(10, PastUser(1, "available", at(-5)))
    shown.apply(event(1, "action", cause="clear_busy"))
    assert shown.users[1].state == "available"


def test_users_without_events_come_and_go() -> None:
    shown = board(10, PastUser(1, "available", at(-5)), PastUser(2, "busy", at(-5)))
    shown.add_created([(1, NOON), (3, NOON + timedelta(seconds=10)), (4, NOON + timedelta(seconds=11))])
    shown.remove_deleted({2: NOON + timedelta(seconds=10), 1: NOON + timedelta(seconds=11), 9: NOON})
    assert shown.users == {1: PastUser(1, "available", at(-5)), 3: PastUser(3, "offline", at(10), "never")}


STATES = st.sampled_from(["available", "busy", "offline"])
CHANGES = st.lists(
    st.tuples(st.integers(1, 3), st.one_of(STATES, st.sampled_from(["call", "hang_up", "action"])), st.integers(0, 3)),
    max_size=30,
)


@given(CHANGES, st.integers(0, 30), st.integers(0, 100))
def test_it_does_not_matter_which_checkpoint_comes_first(
    changes: list[tuple[int, str, int]], cut: int, seconds: int
) -> None:
    """Whatever happened: a later checkpoint and fewer events give the same board as an earlier one and more."""
    events: list[Event] = []
    now, ongoing = 0, dict[int, int]()
    for number, (user_id, what, pause) in enumerate(changes):
        now += pause
        kind: Any = {"call": "call_started", "hang_up": "call_ended"}.get(what, what)
        call_id = ""
        if what == "call":
            ongoing[user_id] = number
        if what in ("call", "hang_up"):
            call_id = f"{user_id}-{ongoing.get(user_id, 0)}"
        told = event(now, kind, user_id, call_id=call_id, other_id=user_id + 10, cause="audio")
        events.append(msgspec.structs.replace(told, event_id=f"{number:04}"))
    moment = max(seconds, 0)
    whole = board(moment, PastUser(1, "offline", at(-5)))
    for each in events:
        whole.apply(each)
    checkpoint = board(now, PastUser(1, "offline", at(-5)))
    before = [each for each in events[:cut] if each.at <= NOON + timedelta(seconds=moment)]
    for each in before:
        checkpoint.apply(each)
    later = PastBoard(NOON + timedelta(seconds=moment), checkpoint.users.values(), checkpoint.calls())
    for each in events[len(before) :]:
        later.apply(each)
    assert (later.users, later.calls(), later.figures()) == (whole.users, whole.calls(), whole.figures())


DEEDS = [
    *(["connect"] * 6), *(["call"] * 4), *(["free"] * 3), *(["enable"] * 3), "hang_up", "hang_up", "create", "create",
    "lose", "leave", "busy", "until", "offline", "delete", "disable", "rename", "force", "beat",
]  # fmt: skip


class Hour:
    """An hour in which anything happens, and what a store would keep of it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.calls: list[Call] = []
        self.created: list[int] = []
        self.events: list[Event] = []
        self.checkpoints: list[Capture] = [self.capture()]
        self.recorded: dict[int, Shown] = {}

    def capture(self) -> Capture:
        core = self.world.core
        return capture(core.registry, core.switchboard.ongoing, core.event_log, core.environment.clock)

    def pass_(self, minutes: int) -> None:
        """Something happens every few seconds. After each minute, what the feed says is recorded."""
        for minute in range(minutes):
            for _ in range(self.random.randrange(20)):
                self._wait(self.random.choice([0.25, 1.0, 4.0]))
                self._do_something()
            self._wait(2.0)  # the last change of a user who changes often is announced
            self.recorded[milliseconds(self.world.core.environment.clock.utc())] = self._feed()
            if minute % 20 == 7:
                self.checkpoints.append(self.capture())

    def as_of(self, moment: int) -> Shown:
        """The board, from the last checkpoint before the moment."""
        at, registry = from_milliseconds(moment), self.world.core.registry
        start = [each for each in self.checkpoints if each.at <= at][-1]
        parts = list(start.parts())
        users = [row for kind, rows in parts if kind == "users" for row in rows]
        calls = [row for kind, rows in parts if kind == "calls" for row in rows]
        shown = PastBoard(at, msgspec.convert(users, list[PastUser]), msgspec.convert(calls, list[PastCall]))
        for each in self.events:
            if each.event_id > start.reached:
                shown.apply(each)
        shown.add_created((each.profile.user_id, each.record.created_at) for each in registry)
        shown.add_created((user_id, self.world.users.rows[user_id].created_at) for user_id in registry.deleted)
        shown.remove_deleted(registry.deleted)
        by_user = shown.calls_by_user()
        return (
            {
                user.user_id: (user.state, user.since, by_user[user.user_id].call_id if user.user_id in by_user else "")
                for user in shown.users.values()
            },
            {call.call_id: (call.caller_id, call.callee_id, call.call_type, call.started_at) for call in shown.calls()},
            shown.figures(),
        )

    def kill(self) -> None:
        """The process is killed. What it had not saved is lost, and the next one begins with a checkpoint."""
        self.world.crash()
        self._wait_without_server(40.0)
        self.world.start()
        self.calls = [call for call in self.calls if call.call_id in self.world.core.switchboard.ongoing]
        self.checkpoints.append(self.capture())

    def _wait_without_server(self, seconds: float) -> None:
        self.world.time.seconds += seconds

    def _wait(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.world.flush()
        log = self.world.core.event_log
        unsaved = log.unsaved(1000)
        self.events += unsaved
        log.saved(unsaved)

    def _feed(self) -> Shown:
        overview = json.loads(encode_message(self.world.core.operator_sessions.overview()))
        users = {row["user_id"]: (row["state"], row["since"], row.get("call_id", "")) for row in overview["users"]}
        calls = {
            call["call_id"]: (call["caller_id"], call["callee_id"], call["call_type"], call["started_at"])
            for call in overview["calls"]
        }
        return users, calls, Figures(**(overview["figures"] | {"attention": 0}))

    def _do_something(self) -> None:
        world, pick = self.world, self.random.choice
        user_id = pick([*range(1, USERS + 1), *self.created])
        with suppress(Conflict, Invalid, NotFound):
            match pick(DEEDS):
                case "connect":
                    if not world.core.registry.get(user_id).disabled:
                        world.connect(user_id)
                case "lose" | "leave" as how:
                    sockets: list[Client] = [each for each in world.clients if each.is_open]
                    if sockets:
                        (world.lose if how == "lose" else world.leave)(pick(sockets))
                case "busy":
                    world.put(user_id, is_busy=True)
                case "until":
                    world.put(user_id, busy_until=world.core.environment.clock.utc() + timedelta(seconds=90))
                case "free":
                    world.put(user_id, is_busy=False)
                case "offline":
                    world.put(user_id, is_online=False)
                case "beat":
                    world.beat(user_id)
                case "call":
                    self.calls.append(world.call(user_id, self.random.randint(1, USERS)))
                case "hang_up":
                    if self.calls:
                        call = self.calls.pop()
                        world.hang_up(call.caller_id, call)
                case "create":
                    new = NewUser(f"new{len(world.users.rows)}", None, None)
                    self.created.append(world.run(world.core.membership.create(new)).profile.user_id)
                case "delete":
                    if self.created:
                        gone = self.created.pop(self.random.randrange(len(self.created)))
                        world.run(world.core.membership.delete(gone))
                case "disable":
                    world.run(world.core.membership.disable(user_id))
                case "enable":
                    world.run(world.core.membership.enable(user_id))
                case "rename":
                    world.rename(Profile(user_id, f"{pick(['ann', 'bob'])}{user_id}", None))
                case _:
                    target = ActionTarget(user_id=user_id)
                    world.run(world.core.actions.carry_out("force_offline", target, "maya", now=True, entry_id="entry"))


@pytest.mark.parametrize("seed", range(3))
def test_the_board_as_of_any_minute_of_an_hour_equals_what_the_feed_said_then(make_world: MakeWorld, seed: int) -> None:
    hour = Hour(make_world(USERS, sockets_per_user=1000), seed)
    hour.pass_(30)
    if seed != 0:
        hour.kill()
    hour.pass_(30)
    assert len(hour.recorded) == 60
    assert len(hour.events) > 100
    for moment, recorded in hour.recorded.items():
        assert hour.as_of(moment) == recorded, from_milliseconds(moment)
