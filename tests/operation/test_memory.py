"""Memory: it is given back after a crowd has left, and only then."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from handlers.crowd import Crowd
from operation.memory import (
    CROWD_SOCKETS,
    LEAST_SOCKETS,
    PAUSE_SECONDS,
    REFUSED_SECONDS,
    CollectionKeeper,
    MemoryKeeper,
    keep_for_good,
    malloc_trim,
)

pytestmark = pytest.mark.gen_test


class Sockets:
    """A number of sockets, and how often memory was given back."""

    def __init__(self) -> None:
        self.count = 0
        self.trims = 0
        self.keeper = MemoryKeeper(lambda: self.count, self.trim)

    def trim(self) -> None:
        self.trims += 1

    async def becomes(self, count: int) -> int:
        self.count = count
        await self.keeper.look()
        return self.trims


async def test_memory_is_given_back_each_time_half_of_the_sockets_have_closed() -> None:
    sockets = Sockets()
    assert [await sockets.becomes(count) for count in (1000, 600, 499, 300, 249, 2000, 0, 0)] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
    ]


async def test_a_few_sockets_are_not_worth_it() -> None:
    sockets = Sockets()
    assert [await sockets.becomes(count) for count in (LEAST_SOCKETS - 1, 0)] == [0, 0]


async def test_a_c_library_without_the_function_is_left_alone() -> None:
    keeper = MemoryKeeper(iter([1000, 0]).__next__, None)
    await keeper.look()
    await keeper.look()


async def test_the_function_of_glibc_can_be_called() -> None:
    trim = malloc_trim()
    assert trim is None or trim() in (0, 1)


async def test_full_collections_are_put_off_only_while_a_crowd_comes() -> None:
    usual = gc.get_threshold()
    counts = [CROWD_SOCKETS, 2 * CROWD_SOCKETS - 1, 5 * CROWD_SOCKETS, 5 * CROWD_SOCKETS, 0]
    keeper = CollectionKeeper(iter(counts).__next__, Connecting())
    put_off = []
    try:
        for _ in counts:
            await keeper.look()
            assert gc.get_threshold()[:2] == usual[:2]
            put_off.append(gc.get_threshold() != usual)
    finally:
        gc.set_threshold(*usual)
    assert put_off == [True, False, True, False, False]


class Arriving:
    """A crowd and a clock that a test sets, and the keeper that looks at both."""

    def __init__(self) -> None:
        self.crowd = Connecting()
        self.now = 100.0
        self.sockets = 0
        self.keeper = CollectionKeeper(lambda: self.sockets, self.crowd, lambda: self.now)

    async def is_collected_after(self, seconds: float, *, is_connecting: bool, sockets: int = CROWD_SOCKETS) -> bool:
        self.now += seconds
        self.sockets += sockets
        self.crowd.is_connecting = is_connecting
        await self.keeper.look()
        return gc.isenabled()


class Connecting(Crowd):
    """A crowd that connects when a test says so."""

    is_connecting = False


@pytest.fixture
def arriving() -> Iterator[Arriving]:
    yield Arriving()
    gc.enable()


async def test_nothing_is_collected_from_the_beginning_of_a_crowd_until_it_is_in(arriving: Arriving) -> None:
    arriving.keeper.pause()
    assert not gc.isenabled()
    assert not await arriving.is_collected_after(0.25, is_connecting=True)
    assert await arriving.is_collected_after(0.25, is_connecting=False)


async def test_a_crowd_that_takes_its_time_does_not_put_collections_off_for_longer(arriving: Arriving) -> None:
    arriving.keeper.pause()
    assert not await arriving.is_collected_after(0.9 * PAUSE_SECONDS, is_connecting=True)
    assert await arriving.is_collected_after(0.1 * PAUSE_SECONDS, is_connecting=True)
    assert await arriving.is_collected_after(0.25, is_connecting=True)


async def test_a_crowd_that_is_refused_puts_nothing_off_for_long(arriving: Arriving) -> None:
    arriving.keeper.pause()
    assert not await arriving.is_collected_after(0.9 * REFUSED_SECONDS, is_connecting=True, sockets=0)
    assert await arriving.is_collected_after(0.1 * REFUSED_SECONDS, is_connecting=True, sockets=CROWD_SOCKETS - 1)


def test_a_program_that_collects_nothing_itself_is_left_alone(arriving: Arriving) -> None:
    gc.disable()
    arriving.keeper.resume()
    assert not gc.isenabled()


async def test_what_exists_at_the_start_is_not_searched_for_garbage_again() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    try:
        for was_enabled in (True, False):
            if not was_enabled:
                gc.disable()
            garbage = weakref.ref(Ring())
            keep_for_good()
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
            assert (garbage() is None) == was_enabled
    finally:
        gc.unfreeze()
        gc.enable()
