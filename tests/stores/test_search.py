"""Search: a text finds the same users everywhere, the best first."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from models.search import Search, search_key
from tests.searches import EMPTY, NAMES, SEARCHES


@dataclass(frozen=True)
class Profile:
    user_id: int


@dataclass(frozen=True)
class Entry:
    profile: Profile
    search_key: str


ENTRIES = [Entry(Profile(user_id), search_key(name)) for user_id, name in NAMES.items()]


def found(q: str) -> list[int]:
    search = Search(q)
    return [entry.profile.user_id for entry in search.best_first(search.find(ENTRIES))]


@pytest.mark.parametrize(("q", "expected"), SEARCHES, ids=ascii)
def test_a_search_finds_words_in_any_order_and_ids(q: str, expected: list[int]) -> None:
    assert found(q) == expected


@pytest.mark.parametrize("q", EMPTY)
def test_a_search_without_words_finds_everybody(q: str) -> None:
    assert found(q) == list(NAMES)


@pytest.mark.parametrize("q", ["user", "7 user", "nobody", "77", "#7,#8", "ü s r", "e"])
def test_ten_thousand_users_are_searched_at_once(q: str) -> None:
    entries = [Entry(Profile(number), search_key(f"User {number}-Łukasz")) for number in range(1, 10_001)]
    began = time.process_time()
    search = Search(q)
    search.best_first(search.find(entries))
    assert time.process_time() - began < 0.05
