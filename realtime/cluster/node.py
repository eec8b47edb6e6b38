"""Node: one server's part in the cluster. It joins, follows the log, renews its lease, and comes back after trouble."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from models.errors import StoreUnavailable
from models.shared_log import Appended, Fenced, SharedEntry, SharedLog, Stale
from realtime.clock import Environment, Timers
from realtime.cluster.adoption import Adoption
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.comparison import Comparison
from realtime.cluster.log_lag import LogLag
from realtime.cluster.reader import Reader
from realtime.cluster.succession import Succession

PAUSE_SECONDS = 1.0
"""How long to wait after an entry or a record that cannot be applied."""


class Node:
    """One of several equal servers.

    While the shared log cannot be reached, memory stays as it is, proposals wait, and nobody is declared lost.
    """

    def __init__(
        self,
        environment: Environment,
        timers: Timers,
        shared: SharedLog,
        reader: Reader,
        log: ClusterLog,
        adoption: Adoption,
        succession: Succession,
        comparison: Comparison,
    ) -> None:
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._new_id = environment.new_id
        self._failures = environment.failures
        self._timers = timers
        self._shared = shared
        self.reader = reader
        self._log = log
        self._adoption = adoption
        self._succession = succession
        self._comparison = comparison
        self._members = succession.members
        self.position = reader.position
        self.sharing = adoption.sharing
        self.lag = LogLag(environment.clock, shared, reader.position)
        self._is_lost = True
        """Whether the connection was lost, or the generation has ended."""
        self._is_fenced = False
        """Whether this server was declared lost."""
        self._open_at = self._clock.now()
        """When the log could last be reached, by its last renewal."""
        self._has_gap = False
        """Whether entries between the log and what was applied are missing."""
        self._has_left = False
        self.on_change: Callable[[str, str], object] = _ignore
        """Called with "lost" or "left" and the server that is gone, "rejoined" and this server's new name, or "new
        generation" and its epoch."""
        log.on_trouble = self._note_trouble

    @property
    def is_connected(self) -> bool:
        """Whether the log can be reached."""
        return self._log.is_open

    @property
    def cut_off_seconds(self) -> float:
        """For how long the log could not be reached; 0 while it can."""
        return 0.0 if self._log.is_open else self._clock.now() - self._open_at

    @property
    def is_first(self) -> bool:
        """Whether this server does what only one needs to do. For a moment two may, or none."""
        return self._members.is_first

    @property
    def name(self) -> str:
        """The name under which this server takes part."""
        return self._members.own

    @property
    def alive(self) -> int:
        """How many servers take part, as far as this one knows."""
        return len(self._members.living | {self._members.own})

    async def start(self) -> None:
        """Catch up with the log and take part. Waits until the shared log answers."""
        while self._is_lost:
            with contextlib.suppress(StoreUnavailable):
                await self._connect()
        self._spawn(self._follow())
        self._renew_later()

    async def leave(self) -> None:
        """Leave the cluster: the first of the others holds this server's users. Raises StoreUnavailable.

        The log is followed for as long as the connection lasts.
        """
        self._log.end()
        self._has_left = True
        reply = await self._shared.leave(self.position.generation, self._members.own, self._new_id(), b"")
        if not isinstance(reply, Appended):
            raise StoreUnavailable("the shared log has changed: the others find out that this server is gone")

    async def _follow(self) -> None:
        """Apply one entry after another. Everything that needs the reader's connection is done here."""
        while True:
            try:
                if self._has_left and (self._is_lost or self._is_fenced):
                    return
                if self._is_lost:
                    await self._connect()
                elif self._is_fenced:
                    await self._adoption.rejoin()
                    self._is_fenced = False
                    self.on_change("rejoined", self._members.own)
                else:
                    await self._read()
            except StoreUnavailable:
                self._is_lost = True
            except Exception as error:
                # Without this task, the server would stand still for good. It skips the entry: it reads all records
                # anew, which have what the entry did to them.
                self._failures.note("following the shared log", self.position.last_id, error)
                self._log.close()
                self._is_lost = self._has_gap = True
                await self._pause()

    async def _pause(self) -> None:
        is_over = asyncio.Event()
        self._timers.at(self._clock.now() + PAUSE_SECONDS, "follow", is_over.set)
        await is_over.wait()

    async def _connect(self) -> None:
        may_lack = await self._adoption.run(has_gap=self._has_gap)
        if self._has_gap:  # that a server has gone may be among the entries that are missing
            self._comparison.may_lack_changes()
        self._is_lost = self._has_gap = False
        if may_lack:
            self._compare_with_store()

    async def _read(self) -> None:
        for entry in await self._shared.read(self.position.last_id):
            if not self.reader.take(entry):
                self._is_lost = self._has_gap = True
                return
            self._note(entry)

    def _note(self, entry: SharedEntry) -> None:
        if self._has_left:
            return
        if entry.kind != "append":
            kind = "new generation" if entry.kind == "rebase" else entry.kind
            self.on_change(kind, entry.epoch or entry.lost or entry.by)
        if entry.kind == "rebase":
            self._compare_with_store()
        elif entry.kind == "lost" and entry.lost == self._members.own:
            self._is_fenced = True
            self._adoption.let_go()
        elif entry.kind in ("lost", "left"):
            self._comparison.may_lack_changes()
            self._spawn(self._succeed(entry))

    async def _succeed(self, entry: SharedEntry) -> None:
        with contextlib.suppress(StoreUnavailable):  # what was proposed is appended all the same
            if await self._succession.take(entry):
                self._comparison.compare_calls()

    async def _take_overdue(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            if await self._succession.take_overdue():
                self._comparison.compare_calls()

    def _note_trouble(self, why: Stale | Fenced | None) -> None:
        if isinstance(why, Fenced):
            self._is_fenced = True
        else:
            self._is_lost = True

    def _renew_later(self) -> None:
        when = self._clock.now() + self._members.renew_seconds
        self._timers.at(when, "renew", lambda: self._spawn(self._renew()))

    async def _renew(self) -> None:
        """Renew the lease, and see whether the others have renewed theirs."""
        if self._has_left:
            return
        self._renew_later()
        if self._is_lost or self._is_fenced:
            return
        self._open_at = self._clock.now()
        try:
            if await self._shared.renew(self._members.own):
                await self._observe()
                self._spawn(self._measure())
            else:
                self._log.close()
                self._is_fenced = True
        except StoreUnavailable:
            self._log.close()
            self._is_lost = True

    async def _measure(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self.lag.measure()

    async def _observe(self) -> None:
        nodes = await self._shared.nodes()
        silent = self._members.observe(nodes)
        self._succession.note_lost(server for server, counter in nodes.items() if counter is None)
        for server, counter in silent.items():
            await self._shared.declare_lost(
                self.position.generation, self._members.own, server, counter, self._new_id()
            )
        self._spawn(self._take_overdue())
        self._comparison.run_due()

    def _compare_with_store(self) -> None:
        """The log may lack what the store has. Servers have the time of a lease to come back."""
        self._comparison.may_lack_changes()
        self._comparison.compare_calls()
        when = self._clock.now() + self._members.lease_seconds + self._members.renew_seconds
        self._timers.at(when, "vanished", self._note_vanished)

    def _note_vanished(self) -> None:
        if self._log.is_open:
            self._succession.note_vanished()
        else:
            self._compare_with_store()


def _ignore(_kind: str, _name: str) -> None:
    """Nobody needs to know."""
