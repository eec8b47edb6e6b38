"""Search: a text finds the same users everywhere, the best first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from models import search
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


class Person:
    """A user and an entry in one, whose reads and comparisons are function calls, which `calls_of` counts."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._search_key = search_key(f"User {number}-Łukasz")

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    @property
    def user_id(self) -> int:
        return self._number

    @property
    def profile(self) -> Person:
        return self

    @property
    def search_key(self) -> str:
        return self._search_key


PEOPLE = [Person(number) for number in range(1, 1001)]


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions were called in doing something, those of C included."""
    calls = 0

    def count(_frame: object, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def find(q: str, people: list[Person]) -> None:
    search = Search(q)
    search.best_first(search.find(people))


@pytest.mark.parametrize("q", ["user", "7 user", "nobody", "77", "#7,#8", "ü s r", "e"])
def test_twice_the_users_are_searched_with_twice_the_work(q: str) -> None:
    half = calls_of(lambda: find(q, PEOPLE[::2]))
    assert len(PEOPLE) <= calls_of(lambda: find(q, PEOPLE)) < 2.2 * half


@pytest.mark.parametrize("q", ["user", "ü s r"])
def test_a_search_folds_its_own_text_and_no_names(q: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def folded(text: str) -> str:
        texts.append(text)
        return text

    monkeypatch.setattr(search, "folded", folded)
    find(q, PEOPLE)
    assert texts == [q]
