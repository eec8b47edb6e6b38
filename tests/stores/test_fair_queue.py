"""Fair queue: clients share the threads that hash passwords, however many requests each of them sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from models.errors import Overloaded
from models.fair_queue import FairQueue
from models.passwords import Passwords

pytestmark = pytest.mark.gen_test


class Crowd:
    """Clients of a queue. `served` lists the work that ran, in order; `refused` the work that did not."""

    def __init__(self, at_once: int, waiting_limit: int) -> None:
        self.queue = FairQueue(at_once, waiting_limit, "Too many.")
        self.served: list[str] = []
        self.refused: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *names: str) -> None:
        """Add pieces of work one by one. The first letter of a name is the client."""
        for name in names:
            self.tasks.append(asyncio.create_task(self._work(name)))
            await rest()

    async def serve(self, count: int) -> str:
        """Finish `count` pieces of work. Returns the names of all that have run so far."""
        for _ in range(count):
            self.queue.leave()
            await rest()
        return " ".join(self.served)

    async def _work(self, name: str) -> None:
        try:
            await self.queue.enter(name[0])
        except Overloaded:
            self.refused.append(name)
        else:
            self.served.append(name)


async def rest() -> None:
    """Let all tasks run as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_clients_take_turns() -> None:
    crowd = Crowd(1, 10)
    await crowd.come("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert await crowd.serve(6) == "a1 a2 b1 c1 a3 b2 a4"


async def test_a_newcomer_takes_the_last_place_of_the_greediest() -> None:
    crowd = Crowd(1, 4)
    await crowd.come("a1", "a2", "a3", "a4", "a5", "b1", "c1")
    assert crowd.refused == ["a5", "a4"]
    assert await crowd.serve(4) == "a1 a2 b1 c1 a3"


async def test_the_greediest_pushes_nobody_out() -> None:
    crowd = Crowd(1, 4)
    await crowd.come("a1", "a2", "a3", "b1", "c1", "a4", "a5", "b2")
    assert crowd.refused == ["a4", "a5", "b2"]
    assert await crowd.serve(4) == "a1 a2 b1 c1 a3"


async def test_without_room_to_wait_only_what_can_run_runs() -> None:
    crowd = Crowd(2, 0)
    await crowd.come("a1", "a2", "b1")
    assert (crowd.served, crowd.refused) == (["a1", "a2"], ["b1"])


async def test_what_is_no_longer_wanted_gives_up_its_place() -> None:
    crowd = Crowd(1, 3)
    await crowd.come("a1", "a2", "a3", "b1")
    crowd.tasks[1].cancel()
    await rest()
    await crowd.come("c1")
    assert await crowd.serve(2) == "a1 a3 b1"
    crowd.queue.leave()
    crowd.tasks[-1].cancel()  # just when its turn comes
    await rest()
    await crowd.come("d1")
    assert crowd.served[-1] == "d1"


async def test_after_everything_all_places_are_free() -> None:
    crowd = Crowd(2, 3)
    await crowd.come("a1", "a2", "b1", "c1", "d1", "e1")
    await crowd.serve(5)
    assert crowd.queue._free == 2
    assert (crowd.queue._waiting, len(crowd.queue._lines)) == (0, 0)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Password hashing that takes a few milliseconds, with a short queue."""
    passwords = Passwords(PasswordHasher(1, 4096, 1), workers=2, waiting_limit=20)
    yield passwords
    passwords.close()


async def test_one_address_that_fills_the_queue_keeps_nobody_from_signing_in(passwords: Passwords) -> None:
    flood = [asyncio.create_task(passwords.hash("x", "198.51.100.1")) for _ in range(200)]
    await asyncio.sleep(0)
    others = await asyncio.gather(*(passwords.hash("x", f"192.0.2.{number}") for number in range(8)))
    assert len(others) == 8
    assert not all(each.done() for each in flood), "the others were served before the flood"
    results = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(each) for each in results} == {str, Overloaded}
