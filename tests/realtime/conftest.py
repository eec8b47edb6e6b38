"""Fixtures: worlds that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.realtime.client import Client
from tests.realtime.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world() -> Iterator[MakeWorld]:
    """Makes worlds with users 1…n and with changed settings."""
    worlds: list[World] = []

    def make(users: int = 0, **settings: Any) -> World:
        worlds.append(World(users, **settings))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Three users with the default settings, none of whom is connected yet."""
    return make_world(3)


@pytest.fixture
def operator_session(world: World) -> Client:
    """User 3 watches; nobody else is connected."""
    return world.connect(3, "presence")


def told(world: World, client: Client) -> list[tuple[int, bool, bool, str]]:
    """Return (user id, online, busy, reason) of every update that the client got since the last call."""
    world.arrive()
    return [
        (each["user_id"], each["status"]["is_online"], each["status"]["is_busy"], each["reason"])
        for each in client.news()
    ]
