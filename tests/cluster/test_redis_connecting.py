"""Connecting to Redis: addresses, and what people are told when it cannot be used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import BusyLoadingError

from chaos.ports import free_port
from models.errors import StoreUnavailable, UnusableStore
from models.redis import RedisAddress, RedisLimits, open_redis_log, parse_redis_url
from models.redis.checks import check_info, connect_error, read_info
from tests.certificate import make_certificate
from tests.cluster.conftest import MakeRedis
from tests.cluster.engines import QUICK, adopted
from tests.program import MakeProgram, ServerProgram, until

pytestmark = pytest.mark.gen_test(timeout=60)

SECRET = "s3cret word"
ESCAPED = "s3cret%20word"
GOOD = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "master_replid": "8f5e",
}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", RedisAddress("cache")),
        ("redis://cache:7000/3", RedisAddress("cache", 7000, database=3)),
        ("redis://:p%40ss@cache", RedisAddress("cache", password="p@ss")),
        ("redis://user:p%2Fss@[::1]:7000/", RedisAddress("::1", 7000, username="user", password="p/ss")),
        ("rediss://cache", RedisAddress("cache", uses_tls=True)),
        ("unix:///run/redis.sock", RedisAddress(path="/run/redis.sock")),
        (
            "unix://user:word@/run/a%20b.sock?db=2",
            RedisAddress(path="/run/a b.sock", database=2, username="user", password="word"),
        ),
    ],
)
async def test_a_url_says_where_redis_is(url: str, expected: RedisAddress) -> None:
    assert parse_redis_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cache:6379",
        "http://cache",
        "redis://",
        "redis://cache:port",
        "redis://cache/two",
        "redis://cache?db=1",
        "redis://:s3cret/word@cache",
        "redis://:s3cret#word@cache",
        "redis://:s3cret?word@cache",
        "redis://cache/\n",
        "unix://",
        "unix://host/run/redis.sock",
        "unix:///run/redis.sock?db=x",
    ],
)
async def test_another_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UnusableStore, match="ROLLCALL_REDIS_URL is not a Redis URL") as refused:
        parse_redis_url(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__


async def test_an_address_as_text_has_no_credentials() -> None:
    address = parse_redis_url(f"rediss://user:{ESCAPED}@[::1]:7000/2")
    assert (str(address), repr(address)) == ("[::1]:7000", "RedisAddress([::1]:7000)")
    assert SECRET not in repr(address.connection())
    assert str(parse_redis_url(f"unix://:{ESCAPED}@/run/redis.sock")) == "/run/redis.sock"


async def test_a_ca_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableStore, match=r"cannot read the CA file .*missing\.pem for Redis: No such file"):
        parse_redis_url("rediss://cache", tmp_path / "missing.pem")
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(UnusableStore, match=r"cannot read the CA file .*empty\.pem for Redis: "):
        parse_redis_url("rediss://cache", tmp_path / "empty.pem")
    with pytest.raises(UnusableStore, match="does not begin with rediss://"):
        parse_redis_url("redis://cache", tmp_path / "missing.pem")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"redis_version": "6.2.14"}, r"is too old \(6.2.14\); Rollcall needs 7.0 or newer"),
        ({"redis_version": None}, "is too old"),
        ({"redis_mode": "cluster"}, "is part of a Redis Cluster, which is not supported"),
        ({"cluster_enabled": "1"}, "is part of a Redis Cluster, which is not supported"),
        ({"role": "slave"}, "is a replica, which only reads"),
        ({"maxmemory_policy": "allkeys-lru"}, r"may evict keys \(allkeys-lru\); set maxmemory-policy to noeviction"),
        ({"maxmemory_policy": None}, "does not show its maxmemory_policy"),
        ({"master_replid": None}, "does not show its master_replid"),
    ],
)
async def test_a_server_that_cannot_hold_the_log_is_refused(changes: dict[str, Any], told: str) -> None:
    info = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(UnusableStore, match=f"Redis at cache:6379 {told}"):
        check_info(info, RedisAddress("cache"))


async def test_a_server_that_can_hold_the_log_is_accepted() -> None:
    check_info(GOOD, RedisAddress("cache"))
    check_info({**GOOD, "redis_version": "8.2.1", "cluster_enabled": "0"}, RedisAddress("cache"))


async def test_info_is_read_line_by_line() -> None:
    assert read_info(b"# Server\r\nredis_version:7.0.15\r\n\r\ntcp:a:b\r\n") == {
        "redis_version": "7.0.15",
        "tcp": "a:b",
    }


async def test_a_server_that_is_loading_will_be_there_later() -> None:
    told = connect_error(BusyLoadingError("Redis is loading", status_code="LOADING"), RedisAddress("cache"))
    assert isinstance(told, StoreUnavailable)
    assert str(told) == "Redis at cache:6379 is still loading its data"


async def test_nobody_at_the_address() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailable, match=f"no Redis answers at 127.0.0.1:{port}; start it, or set ROLLCALL_RE"):
        await open_redis_log(parse_redis_url(f"redis://127.0.0.1:{port}"), "rc", QUICK)
    with pytest.raises(StoreUnavailable, match=r"no Redis answers at /nowhere/redis\.sock"):
        await open_redis_log(parse_redis_url("unix:///nowhere/redis.sock"), "rc", QUICK)


async def test_a_server_that_accepts_connections_and_says_nothing() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(StoreUnavailable, match="no Redis answers"):
        await open_redis_log(parse_redis_url(f"redis://127.0.0.1:{port}"), "rc", RedisLimits(connect_seconds=0.1))
    silent.close()
    await silent.wait_closed()


async def test_an_address_where_two_servers_answer_in_turn() -> None:
    run_ids = iter(("one", "two"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = "\r\n".join(f"{name}:{value}" for name, value in {**GOOD, "run_id": next(run_ids)}.items())
        while command := await reader.readline():
            if command.upper() == b"SETNAME\r\n":
                writer.write(b"+OK\r\n")
            if command.upper() == b"INFO\r\n":
                writer.write(f"${len(info)}\r\n{info}\r\n".encode())

    servers = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = servers.sockets[0].getsockname()[1]
    with pytest.raises(StoreUnavailable, match=f"two servers answer at 127.0.0.1:{port} in turn"):
        await open_redis_log(parse_redis_url(f"redis://127.0.0.1:{port}"), "rc", QUICK)
    servers.close()


@pytest.mark.slow
async def test_a_password_is_needed_and_the_right_one_works(make_redis: MakeRedis) -> None:
    server = make_redis("--requirepass", SECRET, on_port=True, password=SECRET)
    host = f"127.0.0.1:{server.port}"
    log = await open_redis_log(parse_redis_url(f"redis://:{ESCAPED}@{host}"), "rc", QUICK)
    assert (await adopted(log)).is_new
    await log.close()
    for credentials, told in (
        ("", "asks for a password"),
        (":wr0ng@", "does not accept the user or the password"),
        ("stranger:wr0ng@", "does not accept the user or the password"),
    ):
        with pytest.raises(UnusableStore, match=rf"Redis at {host} {told} \(ROLLCALL_REDIS_URL\)") as refused:
            await open_redis_log(parse_redis_url(f"redis://{credentials}{host}"), "rc", QUICK)
        assert "wr0ng" not in str(refused.value)
        assert "stranger" not in str(refused.value)


@pytest.mark.slow
async def test_a_password_for_a_server_without_one(make_redis: MakeRedis) -> None:
    server = make_redis()
    with pytest.raises(UnusableStore, match="has no password, but one was given"):
        await open_redis_log(parse_redis_url(f"unix://:{ESCAPED}@{server.path}"), "rc", QUICK)


@pytest.mark.slow
async def test_a_user_needs_permission_for_the_scripts(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.ask("ACL", "SETUSER", "few", "on", ">word", "~*", "+@all", "-@scripting")
    server.ask("ACL", "SETUSER", "enough", "on", ">word", "~{rc}:*", "+@all", "-@admin", "-keys")
    with pytest.raises(UnusableStore, match="does not allow the user to run INFO and scripts"):
        await open_redis_log(parse_redis_url(f"unix://few:word@{server.path}"), "rc", QUICK)
    log = await open_redis_log(parse_redis_url(f"unix://enough:word@{server.path}"), "rc", QUICK)
    await adopted(log)
    await log.close()


@pytest.mark.slow
async def test_databases_of_one_server_are_separate(make_redis: MakeRedis) -> None:
    server = make_redis()
    for database in (0, 2):
        log = await open_redis_log(parse_redis_url(f"{server.url}?db={database}"), "rc", QUICK)
        assert (await adopted(log)).is_new
        await log.close()
    with pytest.raises(UnusableStore, match="has no database 99"):
        await open_redis_log(parse_redis_url(f"{server.url}?db=99"), "rc", QUICK)


@pytest.mark.slow
async def test_tls_with_a_ca_file_works_and_without_it_the_certificate_is_refused(
    make_redis: MakeRedis, tmp_path: Path
) -> None:
    made = make_certificate(tmp_path)
    server = make_redis(tls_folder=tmp_path)
    for host in ("127.0.0.1", "localhost"):
        log = await open_redis_log(parse_redis_url(f"rediss://{host}:{server.port}", made.certificate), "rc", QUICK)
        await adopted(log)
        await log.close()
    with pytest.raises(UnusableStore, match=r"its certificate is not valid .*; set the CA file"):
        await open_redis_log(parse_redis_url(server.url), "rc", QUICK)


@pytest.mark.slow
async def test_tls_with_a_server_that_has_none(make_redis: MakeRedis) -> None:
    server = make_redis(on_port=True)
    with pytest.raises((UnusableStore, StoreUnavailable), match=r"no TLS with Redis at|no Redis answers at"):
        await open_redis_log(parse_redis_url(f"rediss://127.0.0.1:{server.port}"), "rc", QUICK)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--maxmemory-policy", "allkeys-lru"), r"may evict keys \(allkeys-lru\)"),
        (("--cluster-enabled", "yes"), "is part of a Redis Cluster"),
        (("--replicaof", "127.0.0.1", "1"), "is a replica, which only reads"),
    ],
)
async def test_a_real_server_that_cannot_hold_the_log(
    make_redis: MakeRedis, options: tuple[str, ...], told: str
) -> None:
    on_port = "--cluster-enabled" in options
    server = make_redis(*options, on_port=on_port)
    with pytest.raises(UnusableStore, match=f"Redis at .* {told}"):
        await open_redis_log(parse_redis_url(server.url), "rc", QUICK)


@pytest.mark.slow
async def test_a_server_that_waits_for_redis_when_it_starts_can_be_stopped(
    make_redis: MakeRedis, program: MakeProgram, on_mongodb: dict[str, Any]
) -> None:
    redis = make_redis("--maxmemory", "1")
    server = program(redis_url=redis.url, **on_mongodb)
    server._launch()
    await until(lambda: _has_logged(server, "redis is not connected"))
    assert await server.stop() == 0
    assert server.events()[-1]["event"] == "stopping before the start was complete"


async def _has_logged(server: ServerProgram, event: str) -> bool:
    """Return whether the server has logged an event."""
    return server.log.exists() and any(each["event"] == event for each in server.events())
