"""Adoption: connects to the shared log, and brings memory into line with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import partial

from models.shared_log import Adopted, SharedLog, StoredRow
from realtime.clock import Environment
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.members import Members
from realtime.cluster.reader import Reader
from realtime.cluster.session_sharing import SessionSharing
from realtime.cluster.succession import in_groups
from realtime.presence.engine import Presence
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Proposal
from realtime.presence.record import Record, with_saved, with_saved_of

SEQ_STEP = 1 << 20
"""By how much a new generation raises `seq` above what the engine and the server that began it know."""


class Adoption:
    """What a server does at its start and after each loss of the connection."""

    def __init__(
        self,
        environment: Environment,
        shared: SharedLog,
        incarnation: Incarnation,
        members: Members,
        reader: Reader,
        log: ClusterLog,
        presence: Presence,
        sharing: SessionSharing,
    ) -> None:
        self._new_id = environment.new_id
        self._shared = shared
        self._incarnation = incarnation
        self._reader = reader
        self._position = reader.position
        self._changes = reader.changes
        self._log = log
        self._presence = presence
        self.sharing = sharing
        self._database_id = environment.database_id
        self._lease_seconds = members.lease_seconds
        self.on_lost_epoch: Callable[[], None] = _nobody_is_connected
        """Called when the log has lost an epoch, so that a `seq` that clients have is given out again."""
        reader.on_untold = self._repeat
        self._held: dict[int, float] = {}
        """Users who are held since the last loss of the connection, and until when."""
        self._has_started = False
        self._may_lack = True
        """Whether the log may lack what the store has, since it was last compared with it."""

    async def run(self, *, has_gap: bool) -> bool:
        """Connect, catch up and rejoin. Returns whether the log may lack what the store has.

        All records are read anew if there is a gap between the log and what was applied. Waits until the shared log
        answers. Raises StoreUnavailable if the connection is lost again meanwhile.
        """
        self._log.close()
        adopted = await self._shared.adopt(
            self._position.generation, self._changes.seq, self._changes.epoch, self._new_id(), self._database_id
        )
        has_been_here = self._has_started
        is_new = adopted.generation != self._position.generation
        if is_new and self._has_started and adopted.seq < self._changes.seq + SEQ_STEP // 2:
            self.on_lost_epoch()
        self._may_lack |= is_new
        if has_gap or not self._has_started or (is_new and self._position.last_id != adopted.cut):
            await self._read_all(adopted, is_new=is_new)
        self._reader.begin(adopted.generation, adopted.cut, adopted.epoch)
        name = self._incarnation.id
        if has_been_here and not is_new and not await self._shared.renew(name):
            self._incarnation.renew()  # the others have declared this server lost, and may have forgotten it since
        await self._join()
        if self._incarnation.id == name:  # otherwise the others have held them already
            self._postpone_ends()
        self._log.open()
        starts_over = has_gap or self._may_lack or self._incarnation.id != name
        self.sharing.joined(starts_over=starts_over, name=self._incarnation.id)
        if starts_over:
            self._report_all()
        may_lack, self._may_lack = self._may_lack, False
        return may_lack

    async def rejoin(self) -> None:
        """This server was declared lost: take part under a new name, and report what it sees."""
        self._log.close()
        self._incarnation.renew()
        await self._join()
        self._log.open()
        self.sharing.joined(starts_over=True, name=self._incarnation.id)
        self._report_all()

    async def _join(self) -> None:
        """Take part under the present name, or under a new one if that was declared lost."""
        while not await self._shared.join(self._incarnation.id):
            self._incarnation.renew()

    async def _read_all(self, adopted: Adopted, *, is_new: bool) -> None:
        """Read all records anew. In a new generation, repeat what clients were told wrongly.

        Records that the log lacks are written as they are known here, without announcing them. A server whose clients
        were told something else announces them then.
        """
        records: dict[int, StoredRow] = {}
        async for some in self._shared.scan():
            records |= some
        await self.sharing.read_all()
        self._reader.begin(adopted.generation, adopted.cut, adopted.epoch)
        before = {entry.profile.user_id: entry.record for entry in self._presence.registry}
        known = self._position.known() if self._has_started else before.keys()
        if not self._has_started:
            self._presence.deadlines.let_go(records.keys())
        told_up_to = self._changes.seq
        in_doubt = self._reader.replace_all(records, adopted.last_id, adopted.seq)
        if is_new or not self._has_started:
            self._write_missing(known - (records.keys() - self._reader.unreadable), before)
        if is_new and self._has_started:
            for user_id in in_doubt:
                if self._position.told(user_id) <= told_up_to:  # a later announcement reaches every client
                    self._repeat(user_id)
        self._restore(before)
        self._has_started = True

    def _repeat(self, user_id: int) -> None:
        """Announce a user again, of whom this server's clients may have been told something else."""
        self._log.append(Proposal((user_id,), "set", is_repeat=True))

    def _write_missing(self, missing: Set[int], before: Mapping[int, Record]) -> None:
        """Write the records that the log lacks, of all who are held or have ever changed anything."""
        registry = self._presence.registry
        entries = [entry for user_id in sorted(missing) if (entry := registry.find(user_id))]
        for user_ids in in_groups([entry for entry in entries if entry.alive or entry.record.rev]):
            fact = partial(with_saved_of, saved={user_id: before[user_id] for user_id in user_ids})
            self._log.append(Proposal(user_ids, "connected", fact, is_written=True))

    def _restore(self, before: dict[int, Record]) -> None:
        """Write what came from the store and is not in the log."""
        for user_id, saved in before.items():
            entry = self._presence.registry.find(user_id)
            if entry is not None and with_saved(entry.record, saved=saved) != entry.record:
                self._log.append(Proposal((user_id,), "set", partial(with_saved, saved=saved)))

    def let_go(self) -> None:
        """The log says that this server was declared lost: the others have held its users since then."""
        for user_id, until in self._held.items():
            entry = self._presence.registry.find(user_id)
            if entry is not None and entry.grace_until == until:
                entry.grace_until = 0.0
                self._presence.deadlines.await_silence(entry)
        self._held.clear()

    def _postpone_ends(self) -> None:
        """Hold those whose evidence ended while nothing could be appended: they may have come back elsewhere."""
        now = self._presence.now()
        self._held.clear()
        for entry in self._presence.registry:
            if any(map(self._incarnation.is_own, entry.record.alive_on)) and not entry.has_evidence(now):
                self._presence.deadlines.hold(entry, self._lease_seconds, heartbeat=False)
                self._held[entry.profile.user_id] = entry.grace_until

    def _report_all(self) -> None:
        """Report the evidence that this server has, and that which it no longer has."""
        now = self._presence.now()
        for entry in self._presence.registry:
            if entry.has_evidence(now) or any(map(self._incarnation.is_own, entry.record.alive_on)):
                self._presence.review(entry, "connected")


def _nobody_is_connected() -> None:
    """Nobody has been told anything yet."""
