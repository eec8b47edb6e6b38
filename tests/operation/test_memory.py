"""Memory: it is given back after a crowd has left, and only then."""

from __future__ import annotations

import gc
import weakref

import pytest

from operation.memory import (
    CROWD_SOCKETS,
    LEAST_SOCKETS,
    CollectionKeeper,
    MemoryKeeper,
    keep_for_good,
    malloc_trim,
)

pytestmark = pytest.mark.gen_test


class Crowd:
    """A number of sockets, and how often memory was given back."""

    def __init__(self) -> None:
        self.sockets = 0
        self.trims = 0
        self.keeper = MemoryKeeper(lambda: self.sockets, self.trim)

    def trim(self) -> None:
        self.trims += 1

    async def becomes(self, sockets: int) -> int:
        self.sockets = sockets
        await self.keeper.look()
        return self.trims


async def test_memory_is_given_back_each_time_half_of_the_sockets_have_closed() -> None:
    crowd = Crowd()
    assert [await crowd.becomes(count) for count in (1000, 600, 499, 300, 249, 2000, 0, 0)] == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_a_few_sockets_are_not_worth_it() -> None:
    crowd = Crowd()
    assert [await crowd.becomes(count) for count in (LEAST_SOCKETS - 1, 0)] == [0, 0]


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
    keeper = CollectionKeeper(iter(counts).__next__)
    put_off = []
    try:
        for _ in counts:
            await keeper.look()
            assert gc.get_threshold()[:2] == usual[:2]
            put_off.append(gc.get_threshold() != usual)
    finally:
        gc.set_threshold(*usual)
    assert put_off == [True, False, True, False, False]


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
