"""Watcher: a client that keeps a copy of everyone's status, and when it was told of each change."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.cluster import Cluster, Statuses, picture_of
from chaos.crowd import Member, join
from chaos.program import until
from chaos.rest import Person

OFFLINE_REASONS = ("disconnected", "timed_out")
"""Reasons for going offline that no fault of a server may cause."""

SNAPSHOT_SECONDS = 20.0


class Watcher(Member):
    """One client, which asks for a snapshot."""

    def __init__(self, port: int, person: Person, query: Mapping[str, str | int] | None = None) -> None:
        super().__init__(port, person, watches=True, query=query)
        self.picture: Statuses = {}
        self.changes: list[tuple[float, dict[str, Any]]] = []
        """Every change it was told after its first messages, with the time."""
        self.has_snapshot = False

    @property
    def established(self) -> dict[str, Any]:
        """The first message: it has the epoch and `seq`."""
        return self.messages[0]

    def take_message(self, message: dict[str, Any]) -> None:
        """Take over a snapshot, and its own first status."""
        super().take_message(message)
        if message["type"] == "snapshot":
            self.picture |= {status["user_id"]: picture_of(status) for status in message["users"]}
            self.has_snapshot = not message["more"]
        elif message["type"] == "user_status_update":
            self.picture[message["user_id"]] = picture_of(message["status"])

    def note_update(self, message: dict[str, Any]) -> None:
        """Take over a change."""
        self.picture[message["user_id"]] = picture_of(message["status"])
        self.changes.append((time.monotonic(), message))

    def changes_of(self, user_id: int) -> list[dict[str, Any]]:
        """What it was told of one user."""
        return [message for _, message in self.changes if message["user_id"] == user_id]

    def offlines(self, *, among: Sequence[Person] = ()) -> list[tuple[float, int]]:
        """When it was told that users are offline for lack of evidence, and of whom: anyone, or one of some users."""
        wanted = {person.user_id for person in among}
        return [
            (at, message["user_id"])
            for at, message in self.changes
            if message["reason"] in OFFLINE_REASONS
            and not message["status"]["is_online"]
            and (not wanted or message["user_id"] in wanted)
        ]

    def differences(self, statuses: Statuses) -> int:
        """How many users it sees otherwise than a server."""
        return sum(self.picture.get(user_id) != status for user_id, status in statuses.items())


async def watch(cluster: Cluster, node: int, person: Person) -> Watcher:
    """Connect a watcher to one of the servers, and wait for its snapshot."""
    port = cluster.servers[node].port
    watcher = await join(Watcher(port, person), port)
    watcher.send({"type": "subscribe", "subscription": "feed", "snapshot": True})
    await until(lambda: watcher.has_snapshot, seconds=SNAPSHOT_SECONDS)
    return watcher
