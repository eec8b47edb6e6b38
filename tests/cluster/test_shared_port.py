"""Several servers listen on one port, and each answers probes on a port of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from chaos.ports import free_port
from chaos.program import sum_of
from tests.clients import Api
from tests.cluster.nodes import Nodes
from tests.program import ServerProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

CROWD = 60
"""So many that each of three servers gets some: the odds against it are one to ten thousand million."""


@pytest.fixture
def probes(http: AsyncHTTPClient, secrets_seen: SecretsSeen) -> Callable[[ServerProgram], Api]:
    """The port for probes of a server, as its log names it."""

    def of(server: ServerProgram) -> Api:
        (listening,) = (event for event in server.events() if event["event"] == "listening")
        return Api(listening["probes"], http, secrets_seen)

    return of


async def sockets(probes: Api) -> float:
    """Return the sockets that a server counts."""
    return sum_of((await probes.get("/metrics")).body, "rollcall_sockets")


async def test_connections_to_one_port_reach_all_servers_and_after_one_has_ended_the_others(
    make: Callable[..., Nodes], probes: Callable[[ServerProgram], Api]
) -> None:
    nodes = make(reuse_port=True, port=free_port(), reconnect_spread_seconds=0.1)
    people = await nodes.people(CROWD)
    await nodes.start()
    for person in people:
        await nodes.enter(0, person)
    counts = [await sockets(probes(server)) for server in nodes.servers]
    assert sum(counts) == CROWD
    assert min(counts) > 0
    assert await nodes.servers[2].stop() == 0
    entered: list[Any] = [await nodes.enter(0, person) for person in people[:20]]
    assert all(each.is_open for each in entered)
    assert (await probes(nodes.servers[0]).get("/readyz")).body == {"status": "ready"}
