"""Random ids: their form, and that none comes twice however many are asked for."""

from __future__ import annotations

import re

import pytest

from models.random_ids import POOL_BYTES, RandomIds


@pytest.mark.parametrize("size", [8, 12])
def test_ids_are_digits_and_never_the_same(size: int) -> None:
    new_id = RandomIds(size)
    ids = [new_id() for _ in range(3 * POOL_BYTES // size)]
    assert all(re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", each) for each in ids)
    assert len(set(ids)) == len(ids)


def test_two_sources_give_different_ids() -> None:
    one, other = RandomIds(8), RandomIds(8)
    assert {one() for _ in range(10)}.isdisjoint({other() for _ in range(10)})
