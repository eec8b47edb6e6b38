"""Succession: takes over the users of servers that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from models.shared_log import MOST_ROWS, SharedEntry, SharedLog
from realtime.clock import Clock
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.members import Members
from realtime.presence.engine import Presence
from realtime.presence.log import Proposal
from realtime.presence.record import taken_over
from realtime.presence.user_entry import UserEntry
from settings import Settings


class Succession:
    """Holds the users whose evidence was on a server that is gone. Those who do not come back in time go offline.

    The successor of a lost server is the one that declared it lost. The successor of a server that left is the first of
    the others. If a successor dies before it is done, the first of the others goes on.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        shared: SharedLog,
        members: Members,
        presence: Presence,
        log: ClusterLog,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._shared = shared
        self.members = members
        self._presence = presence
        self._log = log
        self._open: dict[str, tuple[float, float]] = {}
        """Servers that are gone, and whose users may still wait for a successor.

        The values: for how many seconds their users are held, and the steady time after which that is overdue.
        """

    async def take(self, entry: SharedEntry) -> bool:
        """A server was declared lost, or has left. If this server is its successor, take over its users.

        Returns whether it is.
        """
        gone = entry.lost if entry.kind == "lost" else entry.by
        self.members.has_gone(gone)
        is_lost = entry.kind == "lost"
        self._note(gone, self._settings.grace_seconds if is_lost else self._settings.hold_seconds)
        is_successor = self.members.is_own(entry.by) if is_lost else self.members.is_first
        if is_successor:
            await self._take_over()
        return is_successor

    def note_lost(self, servers: Iterable[str]) -> None:
        """These servers were declared lost, perhaps unnoticed."""
        for server in servers:
            self._note(server, self._settings.grace_seconds)

    def note_vanished(self) -> None:
        """Some time after the log was lost: servers that have not come back since are gone."""
        living = self.members.living | {self.members.own, ""}
        for entry in self._presence.registry:
            for server in {*entry.record.alive_on, entry.record.owner} - living:
                self.members.has_gone(server)
                self._open.setdefault(server, (self._settings.grace_seconds, self._clock.now()))

    async def take_overdue(self) -> bool:
        """Take over from servers whose successor has not done so. Returns whether there were any."""
        is_overdue = any(self._clock.now() >= at for _, at in self._open.values())
        if not is_overdue or not self.members.is_first:
            return False
        await self._take_over()
        return True

    def _note(self, server: str, seconds: float) -> None:
        self._open.setdefault(server, (seconds, self._clock.now() + self.members.lease_seconds))

    async def _take_over(self) -> None:
        """Take over from every server that is gone."""
        seconds = {server: held for server, (held, _) in self._open.items()}
        gone = frozenset(seconds)
        left = [entry for entry in self._presence.registry if _needs_owner(entry, gone)]
        for entry in left:
            if here := entry.record.alive_on & gone:
                self._hold(entry, gone, max(seconds[server] for server in here))
        fact = partial(taken_over, gone=gone)
        waiting = [self._log.append(Proposal(user_ids, "disconnected", fact)) for user_ids in in_groups(left)]
        for outcome in waiting:
            await outcome
        for server in gone:
            await self._shared.forget(server)
            self._open.pop(server, None)

    def _hold(self, entry: UserEntry, gone: frozenset[str], seconds: float) -> None:
        has_heartbeat = bool(entry.record.heartbeat_on & gone)
        if has_heartbeat:
            seconds = self._settings.heartbeat_life_seconds
        self._presence.deadlines.hold(entry, seconds, heartbeat=has_heartbeat)


def in_groups(entries: list[UserEntry]) -> Iterator[tuple[int, ...]]:
    """The users' ids, as many at a time as one entry of the log may have."""
    for start in range(0, len(entries), MOST_ROWS):
        yield tuple(entry.profile.user_id for entry in entries[start : start + MOST_ROWS])


def _needs_owner(entry: UserEntry, gone: frozenset[str]) -> bool:
    record = entry.record
    has_deadline = record.claims.busy_until is not None or record.is_owed
    return bool(record.alive_on & gone) or (record.owner in gone and has_deadline)
