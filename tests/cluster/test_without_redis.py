"""While Redis is down, tokens can be revoked, everything can be read, and every other change is answered with 503."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chaos.dashboard_client import DashboardClient
from chaos.program import until as seconds_until
from chaos.seeding import seed_operator
from tests.clients import Answer, Person
from tests.cluster.conftest import MakeRedis
from tests.cluster.nodes import NODES, Nodes
from tests.network.proxy import proxy_to
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]


async def until(condition: Callable[[], Any], *, seconds: float = 20.0) -> None:
    """Wait until a condition holds, which may be awaitable."""
    assert await seconds_until(condition, seconds=seconds) < seconds


async def is_down(nodes: Nodes) -> bool:
    """Return whether all servers have noticed that Redis is down."""
    bodies = [(await server.api.get("/readyz")).body for server in nodes.servers]
    return all(body == {"status": "ready", "redis": "down"} for body in bodies)


async def are_up(nodes: Nodes) -> bool:
    """Return whether all servers reach Redis again."""
    bodies = [(await server.api.get("/readyz")).body for server in nodes.servers]
    return all(body == {"status": "ready"} for body in bodies)


async def operator_of(nodes: Nodes) -> DashboardClient:
    """Sign an operator in on the first server. Call it while the servers run."""
    browser, password = DashboardClient(nodes.servers[0].port), secrets.token_hex(8)
    await seed_operator(nodes.servers[0], "olga", password, "operator")  # type: ignore[arg-type]
    assert (await browser.sign_in("olga", password)).status == 303
    return browser


def order(action: str, **target: Any) -> dict[str, str]:
    """Return the fields of an action form."""
    fields = {"action": action, "reason": "a test", "request_id": secrets.token_hex(8), "now": "1"}
    return {**fields, **{name: str(value) for name, value in target.items()}}


async def statuses_of(nodes: Nodes, person: Person, path: str = "/users/me") -> list[int]:
    """Return what each server answers a user."""
    return [(await nodes.on(number, person).get(path)).status for number in range(NODES)]


@pytest.mark.parametrize("is_redis_up", [True, False], ids=["with Redis", "without Redis"])
async def test_a_revocation_on_one_server_closes_sockets_on_all_and_refuses_the_tokens(
    make: Callable[..., Nodes], make_redis: MakeRedis, is_redis_up: bool
) -> None:
    redis = make_redis()
    nodes = make(redis=redis)
    ada, grace, mary, other = await nodes.people(4)
    await nodes.start()
    browser = await operator_of(nodes)
    members = {
        person.user_id: [await nodes.enter(number, person) for number in range(NODES)]
        for person in (ada, grace, mary, other)
    }
    if not is_redis_up:
        redis.kill()
        await until(lambda: is_down(nodes))

    async def log_out() -> None:
        assert (await nodes.on(0, ada).post("/auth/logout", {})).status == 200

    async def sign_out_everywhere() -> None:
        answer = await browser.post("/admin/actions", order("sign_out", user_id=grace.user_id), JSON_PLEASE)
        assert answer.status == 200, answer.content

    async def disable() -> None:
        await nodes.servers[0].command("user", "disable", str(mary.user_id))

    for person, revoke in ((ada, log_out), (grace, sign_out_everywhere), (mary, disable)):
        await revoke()
        async with asyncio.timeout(20):  # `make chaos-cluster` measures how long it takes
            await asyncio.gather(*(asyncio.shield(member.ended) for member in members[person.user_id]))
    for person in (ada, grace, mary):
        assert await statuses_of(nodes, person) == [401, 401, 401]
    assert await statuses_of(nodes, other) == [200, 200, 200]
    assert all(member.is_open for member in members[other.user_id])
    if not is_redis_up:
        redis.start()
        await until(lambda: are_up(nodes))
        for person in (ada, grace, mary):
            assert await statuses_of(nodes, person) == [401, 401, 401]


async def is_answered(answer: Awaitable[Answer]) -> bool:
    """Return whether a request succeeds."""
    return (await answer).status == 200


JSON_PLEASE = {"Accept": "application/json"}


async def test_without_redis_everything_can_be_read_and_every_change_is_answered_with_503(
    make: Callable[..., Nodes], make_redis: MakeRedis
) -> None:
    redis = make_redis()
    nodes = make(redis=redis)
    ada, grace, mary = await nodes.people(3)
    await nodes.start()
    browser = await operator_of(nodes)
    password = secrets.token_hex(16)
    signed_up = await nodes.servers[0].api.post("/auth/register", {"username": "joan", "password": password})
    watcher = await nodes.enter(0, ada, watches=True)
    await nodes.enter(1, grace)
    await until(lambda: all_show(nodes, mary, [ada.user_id, grace.user_id], "is_online"))
    call = {"callee_id": grace.user_id, "call_type": "audio"}
    call_id = (await nodes.on(2, ada).post("/calls/start", call)).body["call_id"]
    await until(lambda: all_show(nodes, mary, [ada.user_id, grace.user_id], "is_busy"))
    before = await nodes.statuses(mary, [ada.user_id, grace.user_id])
    redis.kill()
    await until(lambda: is_down(nodes))

    for number in range(NODES):
        own, idle, anybody = nodes.on(number, ada), nodes.on(number, mary), nodes.servers[number].api
        refused = {
            "status": await own.put("/users/me/status", {"is_busy": True}),
            "first heartbeat": await idle.post("/users/me/heartbeat"),
            "profile": await own.patch("/users/me", {"username": f"ada-{number}"}),
            "start of a call": await idle.post("/calls/start", call),
            "end of a call": await own.post("/calls/end", {"call_id": call_id}),
            "ticket": await own.post("/auth/ticket", {}),
            "registration": await anybody.post("/auth/register", {"username": f"new-{number}", "password": password}),
        }
        assert {name: answer.status for name, answer in refused.items()} == dict.fromkeys(refused, 503)
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused.values())
        read = [
            await own.get(path)
            for path in (
                "/users/me", "/users/me/status", f"/users/{grace.user_id}/presence", "/users/presence?user_ids=1,2,3",
                "/feed/users", "/feed/stats", "/calls/ongoing", "/calls/history", "/healthz", "/readyz", "/metrics",
            )
        ]  # fmt: skip
        assert [answer.status for answer in read] == [200] * len(read)
        assert read[6].body["items"][0]["call_id"] == call_id
        login = await anybody.post("/auth/login", {"username": "joan", "password": password})
        refresh = await anybody.post("/auth/refresh", {"refresh_token": signed_up.body["refresh_token"]})
        assert (login.status, refresh.status) == (200, 200)
        member = await nodes.enter(number, mary)
        assert member.told("connection_established")[0]["user_id"] == mary.user_id
        member.drop()
    for action, target in (
        ("force_offline", {"user_id": ada.user_id}),
        ("end_call", {"call_id": call_id}),
    ):
        answer = await browser.post("/admin/actions", order(action, **target), JSON_PLEASE)
        assert (answer.status, action) == (503, action)

    assert watcher.is_open
    redis.start()
    await until(lambda: are_up(nodes))
    after = await nodes.statuses(mary, [ada.user_id, grace.user_id])
    assert [list(map(shown, answer)) for answer in after] == [list(map(shown, answer)) for answer in before]
    assert (await nodes.on(2, mary).get("/calls/history")).body["items"] == []
    assert (await nodes.on(2, ada).post("/calls/end", {"call_id": call_id})).status == 200


def shown(status: dict[str, Any]) -> dict[str, Any]:
    """Return a status without the last sign of life, of which a server only knows its own."""
    return {name: value for name, value in status.items() if name != "last_seen"}


async def all_show(nodes: Nodes, person: Person, user_ids: list[int], field: str) -> bool:
    """Return whether all servers show these users as online, or as busy."""
    return all(status[field] for answer in await nodes.statuses(person, user_ids) for status in answer)


async def test_a_server_that_is_cut_off_is_unready_until_redis_answers_and_comes_back_under_a_new_incarnation(
    make: Callable[..., Nodes], make_redis: MakeRedis
) -> None:
    redis = make_redis(on_port=True)
    async with proxy_to(redis.port) as proxy:
        nodes = make(
            redis=redis, of_last={"redis_url": f"redis://127.0.0.1:{proxy.port}"}, cut_off_seconds=3,
            lease_seconds=2.5, lease_renew_seconds=0.5, redis_deadline_seconds=1, reconnect_spread_seconds=0.5,
        )  # fmt: skip
        watching, ada, grace = await nodes.people(3)
        await nodes.start()
        watcher = await nodes.enter(0, watching, watches=True)
        away, elsewhere = await nodes.enter(2, ada), await nodes.enter(1, grace)
        await until(lambda: bool(watcher.of(ada.user_id)) and bool(watcher.of(grace.user_id)))
        before = incarnations(redis, nodes)
        assert len(before) == NODES
        proxy.weather.refuses = proxy.weather.swallows = True
        proxy.reset()
        cut_at = time.monotonic()
        await asyncio.wait_for(asyncio.shield(away.ended), 15)
        assert away.told("server_draining")
        drained_seconds = time.monotonic() - cut_at
        back = await nodes.enter(0, ada)
        ready = await nodes.servers[2].api.get("/readyz")
        assert (ready.status, ready.headers.get("Retry-After") is not None) == (503, True)
        for _ in range(6):
            await asyncio.sleep(0.5)
            assert (await nodes.servers[2].api.get("/readyz")).status == 503
            assert (await nodes.servers[0].api.get("/readyz")).body == {"status": "ready"}
        proxy.weather.refuses = proxy.weather.swallows = False
        answers_at = time.monotonic()
        await until(lambda: is_answered(nodes.servers[2].api.get("/readyz")))
        print("drained after", drained_seconds, "ready after", time.monotonic() - answers_at)
        assert (await nodes.servers[2].api.get("/readyz")).body == {"status": "ready"}
        after = incarnations(redis, nodes)
        assert len(after) == NODES
        assert len(after - before) == 1
        assert len(before - after) == 1
        assert (await nodes.on(2, ada).put("/users/me/status", {"is_busy": True})).status == 200
        await until(lambda: watcher.of(ada.user_id)[-1]["status"]["is_busy"])
        mine = await nodes.enter(2, watching)
        assert all(each.is_open for each in (watcher, elsewhere, back, mine))
        assert [each for each in watcher.told("user_status_update") if not each["status"]["is_online"]] == []
        answers = await nodes.statuses(watching, [watching.user_id, ada.user_id, grace.user_id])
        one, two, three = (list(map(shown, answer)) for answer in answers)
        assert one == two == three


def incarnations(redis: RedisServer, nodes: Nodes) -> set[str]:
    """Return the names of the servers that take part, which Redis has."""
    counters = redis.ask("HGETALL", f"{{{nodes.prefix}}}:nodes")
    return {name.decode() for name, counter in counters.items() if counter != b"lost"}
