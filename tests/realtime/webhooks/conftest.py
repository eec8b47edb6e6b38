"""Fixtures: a world in which webhooks are on, with two users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from realtime.webhooks.parts import WebhookParts
from tests.realtime.world import World
from tests.receiver import SECRET


def make_world(users: int = 2, **settings: object) -> World:
    """Return a world in which this server tells others of changes."""
    world = World(users, webhook_url="https://example.org/", webhook_secret=SECRET, **settings)
    parts_of(world).recorder.start()
    return world


def parts_of(world: World) -> WebhookParts:
    """Return what records changes for webhooks."""
    assert world.core.webhooks is not None
    return world.core.webhooks


@pytest.fixture
def world() -> Iterator[World]:
    """Two users, and time that moves on request."""
    made = make_world()
    yield made
    made.close()


@pytest.fixture
def parts(world: World) -> WebhookParts:
    """What records changes for webhooks."""
    return parts_of(world)
