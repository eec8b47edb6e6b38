"""Comparison: decides when the log is compared with the store, which has all that must last."""

from __future__ import annotations

from models.errors import StoreUnavailable
from realtime.calls.reconciliation import Reconciliation
from realtime.clock import Environment, Timers
from realtime.cluster.members import Members
from realtime.cluster.saved_changes import SavedChanges

CALLS_SECONDS = 60.0
"""How often one of the servers compares the calls, although nothing has happened."""


class Comparison:
    """Any server that finds a reason compares the calls at once, because they are few. One server compares all users.

    Every server remembers that the users have to be compared, so that another one does it if the first dies before.
    """

    def __init__(
        self,
        environment: Environment,
        timers: Timers,
        members: Members,
        reconciliation: Reconciliation,
        saved_changes: SavedChanges,
    ) -> None:
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._timers = timers
        self._members = members
        self.reconciliation = reconciliation
        self._saved_changes = saved_changes
        self._calls_compared_at = self._clock.now()
        self._may_lack_changes = False
        """Whether changes of users may be saved and not in the log."""

    def may_lack_changes(self) -> None:
        """A server has gone, or the log was lost: changes of users may be saved and not in the log."""
        self._may_lack_changes = True

    def compare_calls(self, seconds: float = 0) -> None:
        """Compare the calls after some time."""
        self._timers.at(self._clock.now() + seconds, "reconcile", lambda: self._spawn(self._compare_calls()))

    def run_due(self) -> None:
        """Compare what is due. To be called with each renewal of the lease."""
        if not self._members.is_first:
            return
        if self._may_lack_changes:
            self._may_lack_changes = False
            self._spawn(self._compare_users())
        if self._clock.now() - self._calls_compared_at >= CALLS_SECONDS:
            self._spawn(self._compare_calls())

    async def _compare_calls(self) -> None:
        self._calls_compared_at = self._clock.now()
        try:
            await self.reconciliation.run()
        except StoreUnavailable:
            self.compare_calls(self._members.renew_seconds)

    async def _compare_users(self) -> None:
        try:
            await self._saved_changes.append()
        except StoreUnavailable:
            self._may_lack_changes = True
