"""GET /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient

from chaos.ports import free_port
from models.errors import StoreUnavailable
from tests.clients import Api
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = pytest.mark.gen_test


async def metrics(api: Api) -> dict[str, float]:
    """Return all samples by `name{label="value"}`."""
    answer = await api.get("/metrics")
    assert answer.status == 200
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


async def test_a_server_is_alive_and_ready(api: Api) -> None:
    alive, ready = await api.get("/healthz"), await api.get("/readyz")
    assert (alive.status, alive.body) == (200, {"status": "alive"})
    assert (ready.status, ready.body) == (200, {"status": "ready"})


async def test_probes_may_use_any_host(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await api.request("GET", path, headers={"Host": "pod-17.cluster"})).status == 200


async def test_a_draining_server_is_alive_but_not_ready(server: RunningServer, api: Api) -> None:
    for node in server.nodes:
        node.core.admission.closing = True
    assert (await api.get("/healthz")).status == 200
    answer = await api.get("/readyz")
    assert (answer.status, answer.code) == (503, "OVERLOADED")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.any_store
async def test_a_server_whose_store_is_away_is_alive_but_not_ready(
    server: RunningServer, api: Api, user: MakePerson, socket: OpenSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")
    feed = await socket(ada)

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store is away: mongodb://user:hunter2hunter2@db/")

    monkeypatch.setattr("models.database.Database.ping", away)
    monkeypatch.setattr("models.guard.GuardedCollection.update_one", away)
    assert (await api.get("/healthz")).status == 200
    for answer in (await api.get("/readyz"), await ada.put("/users/me/status", {"is_busy": True})):
        assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1"
        assert "mongodb" not in answer.body["error"]["message"]
    await feed.quiet()
    monkeypatch.undo()
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    assert (await feed.update(ada.user_id))["status"]["is_busy"] is True


@pytest.mark.any_store
@pytest.mark.embedded_store
async def test_the_port_for_probes_serves_health_and_nothing_else(
    server: RunningServer, http: AsyncHTTPClient, secrets_seen: SecretsSeen
) -> None:
    await server.restart(probe_port=free_port())
    probes = Api(f"http://127.0.0.1:{server.settings.probe_port}", http, secrets_seen)
    assert [(await probes.get(path)).status for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    assert "rollcall_sockets" in (await probes.get("/metrics")).body
    for path in ("/", "/admin", "/feed/stats", "/ws/feed"):
        assert (await probes.get(path)).status == 404
    assert server.server.described()["probes"] == f"http://127.0.0.1:{server.settings.probe_port}"


@pytest.mark.any_store
@pytest.mark.embedded_store
async def test_the_port_for_probes_answers_while_the_server_drains(
    server: RunningServer, http: AsyncHTTPClient, secrets_seen: SecretsSeen
) -> None:
    await server.restart(probe_port=free_port())
    probes = Api(f"http://127.0.0.1:{server.settings.probe_port}", http, secrets_seen)
    await server.server.drain()
    assert [(await probes.get(path)).status for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 200]


async def test_requests_under_way_finish_while_the_server_drains(server: RunningServer, api: Api) -> None:
    body = {"username": "ada", "password": "a long enough password"}
    registering = asyncio.ensure_future(api.post("/auth/register", body))
    while not server.server._traffic.requests:
        await asyncio.sleep(0)
    await server.stop()
    assert (await registering).status == 201


@pytest.mark.one_node
async def test_metrics_tell_what_happened(
    server: RunningServer, api: Api, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed, presence = await socket(ada), await socket(bob, "/ws/presence")
    await feed.ask({"type": "heartbeat"}, "heartbeat_ack")
    await feed.send("nonsense")
    await feed.next("error")
    await (await socket(None, token="nonsense", first=True)).closed()
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    await presence.close()
    gone = await socket(bob)
    await gone.drop()
    await feed.settle()
    seen = await metrics(api)
    expected = {
        "rollcall_sockets{channel=feed}": 1,
        "rollcall_messages_in_total{type=heartbeat}": 1,
        "rollcall_messages_in_total{type=invalid}": 1,
        "rollcall_messages_out_total{type=heartbeat_ack}": 1,
        "rollcall_announced_total{reason=connected}": 2,
        "rollcall_announced_total{reason=call_started}": 2,
        "rollcall_closes_total{code=1000}": 1,
        "rollcall_closes_total{code=1006}": 1,
        "rollcall_closes_total{code=4500}": 1,
        "rollcall_upgrades_refused_total{reason=token}": 1,
        "rollcall_users": 2,
        "rollcall_users_online": 2,
        "rollcall_users_available": 0,
        "rollcall_calls_ongoing": 1,
        "rollcall_breaker_open": 0,
        "rollcall_false_offlines_total": 0,
        "rollcall_conflated_total": 0,
        "rollcall_dropped_total": 0,
        "rollcall_store_seconds_count{ok=true}{operation=users.insert_one}": 2,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "rollcall_loop_lag_seconds_count" in seen


@pytest.mark.settings(grace_seconds=0.05, clean_close_seconds=0.05)
async def test_an_offline_taken_back_soon_counts_as_false(api: Api, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    lost = await socket(bob)
    await feed.update(bob.user_id)
    await lost.drop()
    assert (await feed.update(bob.user_id))["status"]["is_online"] is False
    await socket(bob)
    assert (await metrics(api))["rollcall_false_offlines_total"] == 1


@pytest.mark.one_node
async def test_what_clients_choose_does_not_make_the_metrics_grow(
    api: Api, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    for code in (3999, 4999):
        await (await socket(ada)).close(code)
    feed = await socket(ada)
    await api.get("/healthz")
    before = set(await metrics(api))
    for code in range(3000, 3020):
        await (await socket(ada)).close(code)
        await ada.request(f"VERB{code}", f"/path/{code}")
    for number in range(20):
        await feed.send({"type": f"type {number}"})
    await feed.told()
    grown = {each for each in set(await metrics(api)) - before if "store_seconds" not in each}
    assert grown <= {"rollcall_messages_in_total{type=invalid}", "rollcall_messages_in_created{type=invalid}",
                     "rollcall_messages_out_total{type=error}"}  # fmt: skip
    assert (await metrics(api))["rollcall_closes_total{code=other}"] == 22
