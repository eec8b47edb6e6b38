"""The number of sockets stays within the limit of open files."""

from __future__ import annotations

import resource

import pytest

from operation import serving
from settings import Settings


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits that were set, for a process that may open 100 files and can raise that to 1000."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 1000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    return asked


def test_the_limit_is_raised_and_the_sockets_stay_below_it(limits: list[tuple[int, int]]) -> None:
    assert serving._within_open_files(Settings()).sockets_limit == 800
    assert serving._within_open_files(Settings(sockets_limit=10)).sockets_limit == 10
    assert limits == [(1000, 1000)] * 2


def test_a_system_that_does_not_raise_it_is_taken_as_it_is(
    limits: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert serving._within_open_files(Settings()).sockets_limit == 80
