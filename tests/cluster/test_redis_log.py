"""The shared log on a real Redis: lost connections, refused commands, forgotten scripts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from structlog.testing import capture_logs
from tornado.ioloop import IOLoop

from models.errors import StoreUnavailable
from models.redis import RedisLimits, RedisLog
from models.redis.log import UNRESTED_READS
from models.shared_log import Appended, NotSent, OutcomeUnknown, RowConflict, Stale, follows
from tests.cluster.conftest import MakeRedis
from tests.cluster.engines import QUICK, RedisEngine, adopted, entries, joined, n_of, records, row
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

PATIENT = msgspec.structs.replace(QUICK, wait_seconds=20.0)
"""A read returns nothing only after this time, in which a test has failed."""

SOON_SILENT = msgspec.structs.replace(QUICK, silence_seconds=0.2)

MakeEngine = Callable[..., RedisEngine]


@pytest.fixture
def make_engine(io_loop: IOLoop) -> Iterator[MakeEngine]:
    """Makes engines on a server, and closes their logs at the end."""
    engines: list[RedisEngine] = []

    def make(server: RedisServer, limits: RedisLimits = QUICK) -> RedisEngine:
        engines.append(RedisEngine(server, limits))
        return engines[-1]

    yield make
    for engine in engines:
        io_loop.run_sync(engine.close)


async def blocked(server: RedisServer, clients: int = 1) -> None:
    """Wait until so many clients wait for entries, besides those that earlier tests have left."""
    while (found := re.search(rb"blocked_clients:(\d+)", info(server, "clients"))) is None or int(found[1]) < clients:
        await asyncio.sleep(0.001)


def info(server: RedisServer, section: str) -> bytes:
    """Return INFO as text, whatever the client makes of it."""
    told = server.ask("INFO", section)
    if isinstance(told, bytes):
        return told
    return "\n".join(f"{name}:{value}" for name, value in told.items()).encode()


async def test_a_blocked_reader_wakes_when_the_log_was_deleted_and_begins_anew(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    engine = make_engine(redis_server, PATIENT)
    one, two = engine.server_log(), engine.server_log()
    state = await joined(one)
    await adopted(two)
    written = await one.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(written, Appended)
    reading = asyncio.ensure_future(two.read(written.entry_id))
    await blocked(redis_server)
    engine.lose_everything()
    again = await adopted(one, state, "epoch two")
    [rebase] = await reading
    assert (rebase.entry_id, rebase.epoch) == (again.last_id, "epoch two")
    assert not follows(rebase, written.entry_id)


async def test_scripts_that_redis_has_forgotten_are_loaded_again(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    engine = make_engine(redis_server)
    log = engine.server_log()
    state = await joined(log)

    async def append(user_id: int) -> None:
        assert isinstance(await log.append(state.generation, "a", "set", b"", [row(user_id)]), Appended)

    for turn in range(5):
        tasks = [asyncio.ensure_future(append(turn * 20 + number)) for number in range(20)]
        await asyncio.sleep(0)
        redis_server.ask("SCRIPT", "FLUSH")
        await asyncio.gather(*tasks)
    found = await entries(log, state.last_id, 100)
    assert n_of([entry.entry_id for entry in found]) == list(range(1, 101))
    for call in (log.renew("a"), log.join("a")):
        redis_server.ask("SCRIPT", "FLUSH")
        assert await call
    redis_server.ask("SCRIPT", "FLUSH")
    assert not (await adopted(log, state)).is_new


async def test_a_cancelled_callers_command_is_carried_out_and_its_reply_given_to_nobody(
    make_redis: MakeRedis, make_engine: MakeEngine
) -> None:
    server = make_redis()
    log = make_engine(server).server_log()
    state = await joined(log)
    server.pause()
    given_up = asyncio.ensure_future(log.append(state.generation, "a", "set", b"", [row(1)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    given_up.cancel()
    other = asyncio.ensure_future(log.append(state.generation, "a", "set", b"", [row(2)]))
    await asyncio.sleep(0)
    server.resume()
    outcome = await other
    assert isinstance(outcome, Appended)
    stored = await records(log)
    assert stored[2].entry_id == outcome.entry_id
    assert set(stored) == {1, 2}
    assert n_of([stored[1].entry_id, stored[2].entry_id]) == [1, 2]


async def test_a_cancelled_read_leaves_the_next_one_its_entries(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    engine = make_engine(redis_server)
    log = engine.server_log()
    state = await joined(log)
    given_up = asyncio.ensure_future(log.read(state.last_id))
    await blocked(redis_server)
    given_up.cancel()
    written = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(written, Appended)
    [entry] = await log.read(state.last_id)
    assert entry.entry_id == written.entry_id


async def test_after_silence_nobody_knows_and_deciding_again_finds_the_record(
    make_redis: MakeRedis, make_engine: MakeEngine
) -> None:
    server = make_redis()
    engine = make_engine(server, SOON_SILENT)
    log = engine.server_log()
    state = await joined(log)
    server.pause()
    waiting = (log.append(state.generation, "a", "set", b"", [row(1)]), log.renew("a"))
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, OutcomeUnknown)
    assert not log.is_connected
    with pytest.raises(NotSent):
        await log.append(state.generation, "a", "set", b"", [row(1)])
    server.resume()
    server.wait_until(lambda: server.ask("XLEN", engine.key("log")) == 2)
    again = await adopted(log, state)
    assert not again.is_new
    outcome = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(outcome, RowConflict)
    assert outcome.rows[1] is not None
    assert outcome.rows[1].record == b"record"
    assert len(await log.read(state.last_id)) == 1


async def test_both_connections_are_lost_together(redis_server: RedisServer, make_engine: MakeEngine) -> None:
    engine = make_engine(redis_server, PATIENT)
    log = engine.server_log()
    state = await joined(log)
    reading = asyncio.ensure_future(log.read(state.last_id))
    await blocked(redis_server)
    [reader] = [line for line in clients_of(redis_server) if "cmd=xread" in line]
    redis_server.ask("CLIENT", "KILL", "ID", reader.split()[0].partition("=")[2])
    with pytest.raises(OutcomeUnknown):
        await reading
    with pytest.raises(NotSent):
        await log.append(state.generation, "a", "set", b"", [row(1)])
    assert not (await adopted(log, state)).is_new
    assert isinstance(await log.append(state.generation, "a", "set", b"", [row(1)]), Appended)


def clients_of(server: RedisServer) -> list[str]:
    """Return the lines of CLIENT LIST about servers."""
    told = server.ask("CLIENT", "LIST")
    if isinstance(told, bytes):
        return [line for line in told.decode().splitlines() if "name=rollcall" in line]
    lines = [" ".join(f"{name}={value}" for name, value in client.items()) for client in told]
    return [line for line in lines if "name=rollcall" in line]


@pytest.mark.parametrize(
    ("setting", "refusing", "accepting", "code"),
    [("maxmemory", "1", "0", "OOM"), ("min-replicas-to-write", "1", "0", "NOREPLICAS")],
)
async def test_a_write_that_redis_refuses_leaves_nothing_and_keeps_the_connection(
    make_redis: MakeRedis, make_engine: MakeEngine, setting: str, refusing: str, accepting: str, code: str
) -> None:
    server = make_redis()
    log = make_engine(server).server_log()
    state = await joined(log)
    server.ask("CONFIG", "SET", setting, refusing)
    with pytest.raises(NotSent, match=f"Redis refused the command: {code}"):
        await log.append(state.generation, "a", "set", b"", [row(1), row(2)])
    server.ask("CONFIG", "SET", setting, accepting)
    assert log.is_connected
    assert await records(log) == {}
    written = await log.append(state.generation, "a", "set", b"", [row(1), row(2)])
    assert isinstance(written, Appended)
    assert n_of([written.entry_id]) == [1]


async def test_an_error_that_redis_does_not_check_for_first_leaves_the_outcome_unknown(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    engine = make_engine(redis_server)
    log = engine.server_log()
    state = await joined(log)
    redis_server.ask("DEL", engine.key("log"))
    redis_server.ask("SET", engine.key("log"), "not a log")
    with pytest.raises(OutcomeUnknown, match="Redis refused the command: WRONGTYPE"):
        await log.append(state.generation, "a", "set", b"", [row(1)])


async def test_a_log_longer_than_its_limit_loses_its_first_entries(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    engine = make_engine(redis_server, msgspec.structs.replace(QUICK, log_length=100))
    log = engine.server_log()
    state = await joined(log)
    await asyncio.gather(*(log.append(state.generation, "a", "set", b"", []) for _ in range(500)))
    assert 100 <= redis_server.ask("XLEN", engine.key("log")) < 300
    found = await log.read(state.last_id)
    assert not follows(found[0], state.last_id)
    assert n_of([found[-1].entry_id]) == [500]


async def test_records_are_scanned_in_parts(redis_server: RedisServer, make_engine: MakeEngine) -> None:
    engine = make_engine(redis_server)
    log = engine.server_log()
    state = await joined(log)
    for first in range(0, 600, 200):
        await log.append(state.generation, "a", "set", b"", [row(first + number) for number in range(200)])
    parts = [part async for part in log.scan()]
    assert len(parts) > 100
    assert set().union(*parts) == set(range(600))


async def test_a_reader_rests_between_replies_but_not_while_it_is_behind(
    redis_server: RedisServer, make_engine: MakeEngine
) -> None:
    rest = 0.05
    engine = make_engine(redis_server, msgspec.structs.replace(QUICK, rest_seconds=rest, read_count=50))
    log, loop = engine.server_log(), asyncio.get_running_loop()
    state = await joined(log)
    await asyncio.gather(*(log.append(state.generation, "a", "set", b"", []) for _ in range(500)))
    began, after, replies = loop.time(), state.last_id, 0
    while n_of([after]) != [500]:
        after = (await log.read(after))[-1].entry_id
        replies += 1
    assert replies == 10

    async def append_one_by_one() -> None:
        for _ in range(100):
            await log.append(state.generation, "a", "set", b"", [])
            await asyncio.sleep(0.002)

    appending = asyncio.ensure_future(append_one_by_one())
    began, replies = loop.time(), 0
    while n_of([after]) != [600]:
        found = await log.read(after)
        after, replies = found[-1].entry_id if found else after, replies + bool(found)
    assert replies <= (loop.time() - began) / rest + 1 + UNRESTED_READS
    await appending


async def test_a_reader_does_not_rest_after_a_quiet_moment(
    redis_server: RedisServer, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = make_engine(redis_server, msgspec.structs.replace(QUICK, rest_seconds=0.5)).server_log()
    state = await joined(log)
    rests, after = list[float](), state.last_id

    async def note_rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note_rest)
    for _ in range(UNRESTED_READS):
        await log.append(state.generation, "a", "set", b"", [])
        (entry,) = await log.read(after)
        after = entry.entry_id
    assert rests == []


@pytest.mark.parametrize("is_kept", [True, False], ids=["with AOF", "without"])
async def test_a_killed_server_is_found_again(make_redis: MakeRedis, make_engine: MakeEngine, is_kept: bool) -> None:
    server = make_redis(*(("--appendonly", "yes", "--appendfsync", "always") if is_kept else ()))
    log = make_engine(server).server_log()
    state = await joined(log)
    written = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(written, Appended)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await log.append(state.generation, "a", "set", b"", [row(1, written.entry_id)])
    with capture_logs() as told:
        adopting = asyncio.ensure_future(adopted(log, state, "epoch two"))
        await asyncio.sleep(0.1)
        assert not adopting.done()
        server.start()
        again = await adopting
    assert again.is_new
    assert again.generation > state.generation
    assert again.cut == (written.entry_id if is_kept else "0-0")
    assert set(await records(log)) == ({1} if is_kept else set())
    assert await log.nodes() == ({"a": 1} if is_kept else {})
    assert {event["event"] for event in told} == {"redis is not connected", "redis is connected again"}
    assert len([event for event in told if "no Redis answers" in event.get("reason", "")]) == 1


async def test_a_password_that_changes_while_the_server_runs_is_never_logged(
    make_redis: MakeRedis, make_engine: MakeEngine
) -> None:
    server = make_redis()
    engine = make_engine(server)
    log = engine.server_log()
    state = await joined(log)
    server.ask("CONFIG", "SET", "requirepass", "s3cret word")
    server._password = "s3cret word"
    server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with capture_logs() as told:
        adopting = asyncio.ensure_future(adopted(log, state))
        while not any("asks for a password" in event["reason"] for event in told):
            await asyncio.sleep(0.001)
        server.ask("CONFIG", "SET", "requirepass", "")
        server._password = None
        await adopting
    assert "s3cret" not in str(told)


async def test_giving_up_while_connecting_leaves_no_connection(make_redis: MakeRedis, make_engine: MakeEngine) -> None:
    server = make_redis()
    log: RedisLog = make_engine(server).server_log()
    server.pause()
    adopting = asyncio.ensure_future(adopted(log))
    await asyncio.sleep(0.05)
    adopting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adopting
    server.resume()
    server.wait_until(lambda: clients_of(server) == [])
    assert (await adopted(log)).is_new


async def test_what_no_script_has_written_is_replaced(redis_server: RedisServer, make_engine: MakeEngine) -> None:
    engine = make_engine(redis_server)
    log = engine.server_log()
    first = await joined(log, "a")
    keys = log._keys
    redis_server.ask("HSET", keys.users.decode(), "1", "nonsense", "two", "1-1 1 +x")
    redis_server.ask("HSET", keys.nodes.decode(), "b", "nonsense")
    assert await records(log) == {}
    assert await log.nodes() == {"a": 1}
    assert await log.append(first.generation, "a", "set", b"", [row(1, seen="1-1")]) == RowConflict({1: None})
    assert isinstance(await log.append(first.generation, "a", "set", b"", [row(1)]), Appended)
    meta, entries_key = keys.meta.decode(), keys.log.decode()
    for command in (("HSET", meta, "generation", "nonsense"), ("HSET", meta, "seq", "nonsense"), ("DEL", entries_key)):
        known = await adopted(log, first)
        redis_server.ask(*command)
        assert isinstance(await log.append(known.generation, "a", "set", b"", []), Stale)
        first = await adopted(log, known, f"epoch after {command}")
        assert first.is_new
        assert (first.generation > known.generation, first.seq > known.seq) == (True, True)


async def test_a_log_that_was_the_right_one_is_waited_for(redis_server: RedisServer, make_engine: MakeEngine) -> None:
    log = make_engine(redis_server).server_log()
    state = await adopted(log)
    own = redis_server.ask("HGET", log._keys.meta.decode(), "database")
    redis_server.ask("HSET", log._keys.meta.decode(), "database", "another")
    with capture_logs() as logs:
        waiting = asyncio.ensure_future(adopted(log, state))
        while not logs:
            await asyncio.sleep(0.001)
        redis_server.ask("HSET", log._keys.meta.decode(), "database", own)
        assert (await waiting).generation == state.generation
    assert "another database" in logs[0]["reason"]
