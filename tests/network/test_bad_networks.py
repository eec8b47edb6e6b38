"""Whatever happens to the connection, the client ends up live, over one connection, in sync with the server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients import Person
from tests.network.driven import Driven, DrivenIn, everyone, in_node
from tests.network.proxy import Proxy, Weather, proxy_to
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=240)]

SCALED: dict[str, Any] = {
    "ping_interval_seconds": 2.0,
    "pong_timeout_seconds": 1.5,
    "silent_socket_seconds": 2.5,
    "grace_seconds": 3.0,
    "hold_seconds": 8.0,
    "drain_seconds": 1.0,
    "reconnect_spread_seconds": 1.0,
    "announcements_per_second": 1000,
}
"""The server's intervals, shortened like the clients' time."""

PEOPLE = 250
"""More users than fit on a page of a snapshot, which has 200."""

PATIENCE_SECONDS = 60.0


@dataclass
class Scene:
    """A client that connects through the proxy, and people whose changes bypass it."""

    server: ServerProgram
    proxy: Proxy
    driven: Driven
    operator_session: Person
    people: list[Person]

    async def change(self, count: int = 5) -> None:
        """Turn `count` people from busy to not busy or the other way round, and register one more."""
        for person in self._next(count):
            is_busy = (await person.get("/users/me/status")).body["is_busy"]
            assert (await person.put("/users/me/status", {"is_online": True, "is_busy": not is_busy})).status == 200
        await self.server.register(f"new-{len(self.people)}-{next(self._numbers)}")

    async def agrees(self) -> bool:
        """Return whether the client is live and in sync with the server."""
        if await self.driven.state() != "live":
            return False
        return await self.driven.wrong(await everyone(self.people[0])) == 0

    async def settles(self) -> None:
        """Check that the client is live, in sync and follows changes, and never had two connections."""
        await until(self.agrees, seconds=PATIENCE_SECONDS)
        await self.change(2)
        await until(self.agrees, seconds=PATIENCE_SECONDS)
        assert self.proxy.most_at_once == 1

    async def lost(self, sockets: int) -> None:
        """Wait until the client has noticed: it has requested another socket, or isn't live."""

        async def noticed() -> bool:
            return self.proxy.sockets > sockets or await self.driven.state() not in ("live", "stale")

        await until(noticed, seconds=PATIENCE_SECONDS)

    def __post_init__(self) -> None:
        self._user_locks = itertools.cycle(self.people)
        self._numbers = itertools.count()

    def _next(self, count: int) -> list[Person]:
        return list(itertools.islice(self._user_locks, count))


@contextlib.asynccontextmanager
async def scene(program: MakeProgram, driven_in: DrivenIn) -> AsyncIterator[Scene]:
    """Set up a scene in which the client is live and in sync."""
    server = program(**SCALED)
    operator_session, *people = await server.populate(PEOPLE)
    await server.start()
    async with proxy_to(server.port) as proxy, driven_in(proxy.url, [operator_session.token]) as driven:
        made = Scene(server, proxy, driven, operator_session, people)
        await driven.connect()
        await made.settles()
        yield made


async def is_reset(scene: Scene) -> None:
    scene.proxy.reset()
    await scene.change()


async def is_hung_up(scene: Scene) -> None:
    scene.proxy.hang_up()
    await scene.change()


async def is_refused_for_a_while(scene: Scene) -> None:
    scene.proxy.weather = Weather(refuses=True)
    scene.proxy.reset()
    await scene.change()
    await asyncio.sleep(1.0)
    await scene.change()


async def goes_through_a_tunnel(scene: Scene) -> None:
    """Nothing gets through until the client gives up the connection and tries a new one in vain."""
    before = scene.proxy.sockets
    scene.proxy.weather = Weather(swallows=True)
    await scene.change()
    await scene.lost(before)
    await scene.change()


async def meets_a_captive_portal(scene: Scene) -> None:
    before = scene.proxy.sockets
    scene.proxy.weather = Weather(shows_login_page=True)
    scene.proxy.reset()
    await scene.change()
    await until(lambda: _is_above(scene.proxy, before + 1), seconds=PATIENCE_SECONDS)


async def is_cut_in_the_middle_of_a_frame(scene: Scene) -> None:
    before = scene.proxy.sockets
    scene.proxy.weather = Weather(cuts=True)
    await scene.change()
    await scene.lost(before)


async def is_cut_in_the_middle_of_what_it_missed(scene: Scene) -> None:
    """The client knows what came before the cut; the rest must come over the next connection.

    Its own status comes before everything it missed, though it may be newer.
    """
    scene.proxy.weather = Weather(refuses=True)
    scene.proxy.reset()
    await scene.change()
    assert (await scene.operator_session.put("/users/me/status", {"is_busy": True})).status == 200
    scene.proxy.weather = Weather(cuts=True)
    await until(lambda: _was_cut(scene.proxy), seconds=PATIENCE_SECONDS)


async def is_slow(scene: Scene) -> None:
    scene.proxy.weather = Weather(delay_seconds=0.2)
    await scene.change()
    scene.proxy.reset()
    await scene.change()
    await until(scene.agrees, seconds=PATIENCE_SECONDS)


async def loses_the_server_to_a_restart(scene: Scene) -> None:
    await scene.change()
    assert await scene.server.stop() == 0
    await scene.server.start()
    await scene.change()


async def loses_the_server_to_a_kill(scene: Scene) -> None:
    await scene.change()
    scene.server.kill()
    await scene.server.start()
    await scene.change()


async def has_a_server_that_hangs(scene: Scene) -> None:
    scene.server.pause()
    await asyncio.sleep(1.5)
    scene.server.resume()
    await scene.change()


Fault = Callable[[Scene], Awaitable[None]]

FAULTS: list[Fault] = [
    is_reset, is_hung_up, is_refused_for_a_while, goes_through_a_tunnel, meets_a_captive_portal,
    is_cut_in_the_middle_of_a_frame, is_cut_in_the_middle_of_what_it_missed, is_slow, loses_the_server_to_a_restart,
    loses_the_server_to_a_kill, has_a_server_that_hangs,
]  # fmt: skip

SHORT: list[Fault] = [is_reset, is_hung_up, is_cut_in_the_middle_of_a_frame, loses_the_server_to_a_kill]


async def test_after_each_fault_it_is_live_with_the_servers_picture(program: MakeProgram, driven_in: DrivenIn) -> None:
    async with scene(program, driven_in) as live:
        for fault in FAULTS:
            before = live.proxy.sockets
            await fault(live)
            live.proxy.weather = Weather()
            try:
                await live.settles()
            except (TimeoutError, AssertionError) as error:
                state = await live.driven.state()
                raise AssertionError(f"after one that {fault.__name__}: {state}, {live.proxy.most_at_once}") from error
            assert live.proxy.sockets > before or fault is has_a_server_that_hangs
        assert set(await live.driven.states()) == {"connecting", "syncing", "live", "stale", "waiting"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_faults_on_faults_change_nothing_of_that(program: MakeProgram, seed: int) -> None:
    """The next fault comes while the client is still recovering from the last one."""
    chance = random.Random(seed)
    async with scene(program, in_node) as live:
        for _ in range(12):
            await chance.choice(SHORT)(live)
            await asyncio.sleep(chance.random() * 0.2)
        live.proxy.weather = Weather()
        await live.settles()


async def test_two_connections_at_once_and_a_wrong_picture_would_be_seen(
    program: MakeProgram, driven_in: DrivenIn
) -> None:
    server = program()
    ada, bob = await server.populate(2)
    await server.start()
    async with proxy_to(server.port) as proxy, driven_in(proxy.url, [ada.token, bob.token]) as driven:
        await driven.connect()
        await until(lambda: _are_right(driven, ada))
        assert proxy.most_at_once == 2
        statuses = await everyone(ada)
        statuses[0]["is_busy"] = True
        assert await driven.wrong(statuses) == 2
        assert await driven.wrong(statuses[1:]) == 2


async def _are_right(driven: Driven, person: Person) -> bool:
    return await driven.live() == 2 and await driven.wrong(await everyone(person)) == 0


async def _is_above(proxy: Proxy, count: int) -> bool:
    return proxy.sockets > count


async def _was_cut(proxy: Proxy) -> bool:
    return not proxy.weather.cuts
