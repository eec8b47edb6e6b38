"""The simulation and a real Redis give the same answers to the same random operations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models.shared_log import Adopted, ForeignLog, SharedEntry, SharedLog, SharedRow
from tests.cluster.engines import DATABASE, Engine, RedisEngine, SimulatedOnly, records, sessions
from tests.redis_server import RedisServer

pytestmark = pytest.mark.slow

Drawn = tuple[int, int, bool, bytes]

SERVERS = st.sampled_from(["a", "b", "c"])
USERS = st.integers(1, 4)
OPS = st.sampled_from(["set", "call started", ""])
BYTES = st.binary(max_size=6)
SESSIONS = st.sampled_from(["one", "two", "three"])
ROWS = st.lists(st.tuples(USERS, st.integers(0, 7), st.booleans(), BYTES), max_size=4, unique_by=lambda drawn: drawn[0])
"""User, whether the record seen is the latest (unless 0), whether it is announced, and the new record."""
GENERATIONS = st.sampled_from([0, 0, 0, 0, -(10**6), 10**6])
"""How far the generation that a server claims is from the current one."""


class Side:
    """One engine, and how its generations and ids are called in comparisons."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.log: SharedLog = engine.server_log()
        self.state = Adopted(0, "", 0, "0-0", False, "")
        self._generations: list[int] = []

    def generation(self, number: int) -> int:
        """Return a generation as a number that both engines have. They choose their generations by different clocks."""
        if number == 0:
            return 0
        if number not in self._generations:
            self._generations.append(number)
        return self._generations.index(number) + 1

    def same(self, value: Any) -> Any:
        """Return a value with ids and generations that can be compared."""
        match value:
            case str() if "-" in value and value != "0-0":
                generation, n = value.split("-")
                return f"{self.generation(int(generation))}-{n}"
            case dict():
                return {key: self.same(each) for key, each in value.items()}
            case list() | tuple():
                return [self.same(each) for each in value]
            case msgspec.Struct():
                fields = msgspec.structs.asdict(value)
                if "generation" in fields:
                    fields["generation"] = self.generation(fields["generation"])
                return type(value).__name__, {name: self.same(each) for name, each in fields.items()}
            case _:
                return value


class BothEngines(RuleBasedStateMachine):
    """Every operation is carried out on both sides."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.sides = [Side(SimulatedOnly()), Side(RedisEngine(server))]
        self.epochs = 0
        self.is_marked = False

    def both(self, operation: Callable[[Side], Awaitable[Any]]) -> list[Any]:
        """Run an operation on both sides and compare the results. Returns them as they are."""
        results = [self.loop.run_until_complete(_result(operation(side))) for side in self.sides]
        simulated, real = (side.same(result) for side, result in zip(self.sides, results, strict=True))
        assert simulated == real
        return results

    @initialize()
    def begin(self) -> None:
        self.adopt(ahead=0, knows=False)

    @rule(ahead=st.sampled_from([0, 0, 0, -1, 5]), knows=st.booleans())
    def adopt(self, ahead: int, knows: bool) -> None:
        self.epochs += 1
        epoch = f"epoch {self.epochs}"

        async def adopt(side: Side) -> Adopted:
            known = side.state
            if not knows:
                return await side.log.adopt(0, 0, "", epoch, DATABASE)
            return await side.log.adopt(max(0, known.generation + ahead), known.seq, known.epoch, epoch, DATABASE)

        for side, state in zip(self.sides, self.both(adopt), strict=True):
            side.state = state
        # The clock of Redis must be later than the generation, as it is when a restart takes time.
        while time.time() * 1000 <= self.sides[1].state.generation + 1:
            time.sleep(0.001)

    @rule()
    def adopt_for_another_database(self) -> None:
        simulated = self.sides[0].engine
        assert isinstance(simulated, SimulatedOnly)
        if simulated.simulated.contents.meta.database_id:
            self.both(lambda side: side.log.adopt(0, 0, "", "no epoch", "another database"))

    @rule(server=SERVERS, generation=GENERATIONS, op=OPS, body=BYTES, rows=ROWS)
    def append(self, server: str, generation: int, op: str, body: bytes, rows: list[Drawn]) -> None:
        async def append(side: Side) -> Any:
            stored = await records(side.log)
            made = []
            for user_id, luck, is_announced, record in rows:
                seen = stored[user_id].entry_id if user_id in stored else ""
                if luck == 0:
                    seen = side.state.last_id if seen != side.state.last_id else ""
                made.append(SharedRow(user_id, seen, is_announced, record))
            return await side.log.append(side.state.generation + generation, server, op, body, made)

        self.both(append)

    @rule(
        server=SERVERS,
        generation=GENERATIONS,
        body=BYTES,
        rows=st.dictionaries(SESSIONS, BYTES),
        gone=st.lists(SESSIONS, unique=True),
    )
    def put_sessions(self, server: str, generation: int, body: bytes, rows: dict[str, bytes], gone: list[str]) -> None:
        self.both(
            lambda side: side.log.put_sessions(side.state.generation + generation, server, "op", body, rows, gone)
        )
        self.both(lambda side: side.log.session_rows(server, ["one", "four"]))

    @rule(server=SERVERS)
    def join(self, server: str) -> None:
        self.both(lambda side: side.log.join(server))

    @rule(server=SERVERS)
    def renew(self, server: str) -> None:
        self.both(lambda side: side.log.renew(server))

    @rule(server=SERVERS, generation=GENERATIONS, op=OPS, body=BYTES)
    def leave(self, server: str, generation: int, op: str, body: bytes) -> None:
        self.both(lambda side: side.log.leave(side.state.generation + generation, server, op, body))

    @rule(server=SERVERS, lost=SERVERS, counter=st.integers(1, 3), generation=GENERATIONS, op=OPS)
    def declare_lost(self, server: str, lost: str, counter: int, generation: int, op: str) -> None:
        self.both(lambda side: side.log.declare_lost(side.state.generation + generation, server, lost, counter, op))

    @rule(server=SERVERS)
    def forget(self, server: str) -> None:
        self.both(lambda side: side.log.forget(server))

    @rule()
    def attach_replica(self) -> None:
        for side in self.sides:
            side.engine.attach_replica()

    @rule()
    def lose_everything(self) -> None:
        for side in self.sides:
            side.engine.lose_everything()

    @rule()
    def mark(self) -> None:
        self.is_marked = True
        for side in self.sides:
            side.engine.mark()

    @rule()
    def lose_what_came_after_the_mark(self) -> None:
        if self.is_marked:
            for side in self.sides:
                side.engine.return_to_mark()

    @rule(keep=st.integers(1, 3))
    def trim(self, keep: int) -> None:
        for side in self.sides:
            side.engine.trim(keep)

    @invariant()
    def everything_is_the_same(self) -> None:
        self.both(lambda side: records(side.log))
        self.both(lambda side: side.log.nodes())
        self.both(lambda side: side.log.newest())
        for server in "abc":
            self.both(lambda side, server=server: sessions(side.log, server))
        self.both(_entries)

    def teardown(self) -> None:
        for side in self.sides:
            self.loop.run_until_complete(side.engine.close())
        self.loop.close()


async def _result(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except (ForeignLog, ValueError) as error:
        return type(error).__name__


async def _entries(side: Side) -> list[SharedEntry]:
    """Return all entries that are kept, without waiting for more."""
    if isinstance(side.engine, SimulatedOnly):
        return side.engine.simulated.entries_after("0-0")
    assert isinstance(side.engine, RedisEngine)
    if not side.engine.server.ask("XLEN", side.engine.key("log")):
        return []
    return await side.log.read("0-0")


def test_the_simulation_and_redis_give_the_same_answers(redis_server: RedisServer) -> None:
    class Machine(BothEngines):
        def __init__(self) -> None:
            super().__init__(redis_server)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
