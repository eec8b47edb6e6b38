"""Fixtures: clusters that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.realtime.client import Client
from tests.realtime.cluster.world import ClusterWorld

MakeCluster = Callable[..., ClusterWorld]


@pytest.fixture
def make_cluster() -> Iterator[MakeCluster]:
    """Makes clusters with so many servers and users, and with changed settings."""
    clusters: list[ClusterWorld] = []

    def make(nodes: int = 3, users: int = 4, **settings: Any) -> ClusterWorld:
        clusters.append(ClusterWorld(nodes, users, **settings))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> ClusterWorld:
    """Three servers and four users, none of whom is connected yet."""
    return make_cluster()


def online(cluster: ClusterWorld, user_id: int) -> list[bool]:
    """Return whether the user is online, by each server that runs."""
    return [bool(picture[user_id]["is_online"]) for picture in cluster.pictures()]


def busy(cluster: ClusterWorld, user_id: int) -> list[bool]:
    """Return whether the user is busy, by each server that runs."""
    return [bool(picture[user_id]["is_busy"]) for picture in cluster.pictures()]


def told(client: Client, user_id: int) -> list[tuple[bool, bool]]:
    """Return (online, busy) of every update about a user that a client got."""
    return [
        (each["status"]["is_online"], each["status"]["is_busy"])
        for each in client.updates()
        if each["user_id"] == user_id
    ]
