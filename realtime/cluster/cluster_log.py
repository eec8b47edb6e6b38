"""Cluster log: the log of a server that shares it with others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from models.errors import StoreUnavailable
from models.shared_log import Appended, Fenced, RowConflict, SharedLog, Stale, entry_order
from realtime.clock import Environment, Timers
from realtime.cluster.codec import encoded_body, encoded_session, encoded_sessions, shared_row
from realtime.cluster.latest_records import Basis, LatestRecords
from realtime.cluster.outcome import Outcome
from realtime.cluster.position import Position
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Draft, Proposal, SessionsChange, SharedSession
from realtime.presence.record import Record, unchanged
from realtime.presence.user_locks import UserLocks

Decide = Callable[[Proposal, Mapping[int, Record]], list[Draft] | None]


class ClusterLog:
    """Decides a proposal on the latest record that is known here, and appends what follows.

    If another server was faster, the append is refused and the proposal is decided again on that server's record. The
    answer is then usually that nothing has to change. The proposals of one user are appended in their order. Of those
    that only report evidence, the last one stands for all that wait.

    While the log is closed, proposals wait. Once it has ended, they are given up.
    """

    def __init__(
        self,
        environment: Environment,
        timers: Timers,
        shared: SharedLog,
        incarnation: Incarnation,
        position: Position,
        decide: Decide,
        *,
        deadline_seconds: float,
    ) -> None:
        self._spawn = environment.spawn
        self._new_id = environment.new_id
        self._clock = environment.clock
        self._counters = environment.counters
        self._timers = timers
        self._shared = shared
        self._incarnation = incarnation
        self._position = position
        self._latest = LatestRecords(position)
        self._decide = decide
        self._deadline_seconds = deadline_seconds
        self._locks = UserLocks()
        self._open = asyncio.Event()
        self._has_ended = False
        self._reports: dict[int, tuple[Proposal, Outcome]] = {}
        """For each user, the report of evidence that waits for its turn."""
        self.on_trouble: Callable[[Stale | Fenced | None], None] = _ignore
        """Called when an append says that the generation or this server is over, or the connection is lost."""

    def __len__(self) -> int:
        return len(self._locks)

    @property
    def is_open(self) -> bool:
        """Whether proposals are appended now."""
        return self._open.is_set()

    def open(self) -> None:
        """Append what waits."""
        self._open.set()

    def close(self) -> None:
        """Let proposals wait."""
        self._open.clear()

    def end(self) -> None:
        """This server appends nothing more, because it stops."""
        self._has_ended = True
        self._open.clear()

    def check(self) -> None:
        """Raise StoreUnavailable while the log is closed."""
        if not self._open.is_set():
            raise StoreUnavailable("the log that the servers share cannot be reached")

    async def put_sessions(self, written: Sequence[SharedSession], change: SessionsChange) -> bool:
        """Write rows of this server's sockets, and tell the others of a change. Returns whether that certainly worked.

        Rows that are written without being part of the change are not told of.
        """
        if not self.is_open:
            return False
        body = encoded_sessions(change) if change.opened or change.closed else b""
        rows = {each.session_id: encoded_session(each) for each in written}
        try:
            reply = await self._shared.put_sessions(
                self._position.generation, self._incarnation.id, self._new_id(), body, rows, change.closed
            )
        except StoreUnavailable:
            self._stop(None)
            return False
        if isinstance(reply, Appended):
            self._counters.log_appends += bool(body)
            return True
        self._stop(reply)
        return False

    def append(self, proposal: Proposal) -> Awaitable[None]:
        """Append a proposal in the background. The result can be awaited."""
        if self._has_ended:
            return self._new_outcome().given_up()
        if _only_reports(proposal):
            return self._report(proposal)
        outcome = self._new_outcome()
        basis = {user_id: self._latest.basis(user_id) for user_id in proposal.user_ids} if _is_forced(proposal) else {}
        self._spawn(self._carry(proposal, basis, outcome))
        return outcome

    def _report(self, proposal: Proposal) -> Outcome:
        (user_id,) = proposal.user_ids
        waiting = self._reports.get(user_id)
        outcome = waiting[1] if waiting else self._new_outcome()
        self._reports[user_id] = proposal, outcome
        if waiting is None:
            self._spawn(self._carry_report(user_id))
        return outcome

    async def _carry_report(self, user_id: int) -> None:
        async with self._locks.of(user_id):
            await self._open.wait()
            proposal, outcome = self._reports.pop(user_id)
            await self._append(proposal, {})
        outcome.applied()

    async def _carry(self, proposal: Proposal, basis: dict[int, Basis], outcome: Outcome) -> None:
        async with self._locks.of_all(proposal.user_ids):
            await self._append(proposal, basis)
        outcome.applied()

    async def _append(self, proposal: Proposal, basis: dict[int, Basis]) -> None:
        """Append a proposal. What it would only repeat is left out if another server has said it since."""
        op = self._new_id()
        while True:
            await self._open.wait()
            if basis:
                proposal = self._without_repetition(proposal, basis)
            if await self._try(proposal, op):
                return

    def _without_repetition(self, proposal: Proposal, basis: dict[int, Basis]) -> Proposal:
        """Note for whom of the users another server has been faster. The others still need it."""
        latest = {user_id: self._latest.basis(user_id) for user_id in basis}
        return msgspec.structs.replace(
            proposal,
            told=frozenset(user_id for user_id, now in latest.items() if now.seq > basis[user_id].seq),
            written=frozenset(
                user_id for user_id, now in latest.items() if now.entry_id not in ("", basis[user_id].entry_id)
            ),
        )

    async def _try(self, proposal: Proposal, op: str) -> bool:
        """Decide and append. Returns whether that is done and applied here."""
        generation = self._position.generation
        ahead = {user_id: found for user_id in proposal.user_ids if (found := self._latest.find_ahead(user_id))}
        drafts = self._decide(proposal, {user_id: found.record for user_id, found in ahead.items()})
        if drafts is None:
            latest = max((found.entry_id for found in ahead.values()), key=entry_order, default=None)
            return latest is None or await self._position.reached(latest)
        try:
            reply = await self._shared.append(
                generation,
                self._incarnation.id,
                op,
                encoded_body(proposal),
                [shared_row(draft, self._latest.entry_id(draft.user_id)) for draft in drafts],
            )
        except StoreUnavailable:
            self._stop(None)
            return False
        if isinstance(reply, Appended):
            self._counters.log_appends += 1
            return await self._position.reached(reply.entry_id)
        if isinstance(reply, RowConflict):
            self._counters.log_conflicts += 1
            self._latest.note(generation, reply)
        else:
            self._stop(reply)
        return False

    def _stop(self, why: Stale | Fenced | None) -> None:
        self.close()
        self.on_trouble(why)

    def _new_outcome(self) -> Outcome:
        return Outcome(self._clock, self._timers, self._deadline_seconds)


def _only_reports(proposal: Proposal) -> bool:
    """Whether a proposal only says that a user's evidence may have changed."""
    says_more = proposal.call is not None or proposal.if_owed or _is_forced(proposal)
    return proposal.fact is unchanged and len(proposal.user_ids) == 1 and not says_more


def _is_forced(proposal: Proposal) -> bool:
    return proposal.is_repeat or proposal.is_written


def _ignore(_why: Stale | Fenced | None) -> None:
    """Nobody supervises the log."""
