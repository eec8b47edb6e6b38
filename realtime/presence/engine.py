"""Presence: every user's claims and evidence, and the status that follows from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import msgspec

from models.calls import Call
from models.errors import StoreUnavailable
from models.status import Status, StatusChange, applied, differs, status_of, validated
from models.user_documents import StoredUser, claims_of
from realtime.clock import Clock
from realtime.presence.deadlines import Deadlines
from realtime.presence.log import Log, Proposal
from realtime.presence.record import (
    Fact,
    Record,
    followed,
    unchanged,
    with_call,
    with_change,
    with_deletion,
    with_disabled,
    with_stored,
    without_call,
    without_offline,
)
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.presence.writeback import WriteBack
from realtime.protocol import Reason
from settings import Settings


class Presence:
    """The engine: keeps this server's evidence, and proposes what follows from it and from what users ask for."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        registry: Registry,
        write_back: WriteBack,
        log: Log,
        deadlines: Deadlines,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.registry = registry
        self._write_back = write_back
        self._log = log
        self.deadlines = deadlines
        write_back.follow = self.follow
        self.on_refused: Callable[[int, str], None] = _ignore
        """Called with a user whose tokens are refused from now on, before the log has it, and why they are."""

    def now(self) -> float:
        """Steady time."""
        return self._clock.now()

    def status(self, user_id: int) -> Status:
        """The user's status. Raises NotFound."""
        return self.registry.get(user_id).status

    def expected_status(self, user_id: int) -> Status:
        """The status as it will be once this server's evidence has taken its way through the log. Raises NotFound."""
        entry = self.registry.get(user_id)
        return self._promise(entry, entry.record)

    def join(self, user_id: int) -> bool:
        """A socket opened. Returns whether it is the user's first."""
        entry = self.registry.get(user_id)
        had_evidence = entry.has_evidence(self._clock.now())
        entry.sessions += 1
        self.seen(user_id)
        if had_evidence and entry.status.is_online:  # nothing follows from more of the same evidence
            self.registry.changed.add(user_id)
        else:
            self.review(entry, "connected")
        return entry.sessions == 1

    def leave(self, user_id: int, reason: Reason, *, clean: bool) -> bool:
        """A socket ended. Returns whether it was the user's last. A user who was lost gets time to come back."""
        entry = self.registry.find(user_id)
        if entry is None:  # the user was deleted
            return True
        entry.sessions -= 1
        if clean:
            self.seen(user_id)
        now = entry.evidence_at = self._clock.now()
        self.registry.changed.add(user_id)
        if entry.sessions:
            return False
        patience = self._settings.clean_close_seconds if clean else self._settings.grace_seconds
        entry.grace_until = now + (0.0 if entry.disabled else patience)
        entry.lost_reason = reason
        self.deadlines.await_silence(entry)
        self._write_back.mark(user_id)
        return True

    def seen(self, user_id: int) -> None:
        """A sign of life. It is not announced."""
        entry = self.registry.get(user_id)
        entry.evidence_at = self._clock.now()
        entry.last_seen = max(entry.last_seen, self._clock.utc())
        self.registry.replace_status(entry, msgspec.structs.replace(entry.status, last_seen=entry.last_seen))
        self._write_back.mark(user_id)
        self.registry.heard.add(user_id)

    def socket_heartbeat(self, user_id: int) -> Status:
        """A heartbeat over a socket ends an explicit offline. It counts as long as the socket."""
        return self._beat(self.registry.get(user_id), lasting=False)

    async def heartbeat(self, user_id: int) -> Status:
        """A heartbeat over REST ends an explicit offline and keeps the user online for its life.

        If the store does not show the user as online yet, it is saved first: what the answer says must survive a
        crash. Raises StoreUnavailable.
        """
        entry = self.registry.get(user_id)
        if entry.status.is_online and entry.saved_online and not self._write_back.is_unsure(user_id):
            return self._beat(entry, lasting=True)
        return await self.change(user_id, StatusChange(is_online=True), reason="heartbeat")

    async def change(self, user_id: int, change: StatusChange, *, by: str = "", reason: Reason | None = None) -> Status:
        """Save the requested change, then announce it. `by` is the operator or the backend, if not the user asks.

        Raises Invalid, NotFound, StoreUnavailable.
        """
        entry = self.registry.get(user_id)
        wanted = validated(change, self._clock.utc())
        self._log.check()
        async with self._write_back.locks.of(user_id):
            at = max(self._clock.utc(), entry.last_seen)  # after every heartbeat, wherever the wall clock jumped
            try:
                rev = await self._write_back.save_claims(
                    entry, lambda: applied(entry.claims, wanted), at, is_heartbeat=wanted.is_online is True
                )
            except StoreUnavailable:
                if not by:
                    self.seen(user_id)  # asking is a sign of life, which the store may have saved without answering
                self._write_back.mark_unsure(user_id)
                raise
            fact = partial(with_change, wanted=wanted, at=at, rev=rev)
            await self._apply(entry, wanted, reason or ("operator" if by else "set"), fact, by)
            return entry.status

    def check(self) -> None:
        """Raise StoreUnavailable if no change can take its way now."""
        self._log.check()

    def change_call(self, call: Call, reason: Reason, *, is_known: bool = True) -> Awaitable[None]:
        """A call started or ended: its participants are in it, or not any more, from now on.

        If its start is not known here, it may be in the log all the same. Writing the records finds out.
        """
        fact = partial(with_call if call.status == "ongoing" else without_call, call_id=call.call_id)
        return self._log.append(Proposal(call.participants, reason, fact, call=call, is_written=not is_known))

    def call_ids(self) -> set[str]:
        """The calls that users are held by."""
        return {entry.claims.call_id for entry in self.registry if entry.claims.call_id is not None}

    def give_up_call(self, call_id: str) -> Awaitable[None]:
        """Release everyone who is still held by this call, which is over."""
        held = tuple(entry.profile.user_id for entry in self.registry if entry.claims.call_id == call_id)
        return self._log.append(Proposal(held, "call_ended", partial(without_call, call_id=call_id)))

    def follow(self, stored: StoredUser) -> Awaitable[None]:
        """Take over the document of a known user. Its claims count only if another writer changed it.

        A disabled user is offline, and refused everywhere, from now on. A deleted one is removed.
        """
        entry = self.registry.get(stored.profile.user_id)
        if stored.deleted_at is not None:
            return self._remove(entry, stored, stored.deleted_at)
        reason: Reason = "operator" if stored.disabled and not entry.disabled else "set"
        claims, in_store = claims_of(stored, self._clock.utc()), stored.offline_set_at is not None
        if stored.rev > entry.rev:
            set_offline = followed(entry.record, stored.offline_set_at, claims).set_offline
            if (stored.set_busy, in_store) != (claims.set_busy, set_offline):
                self._write_back.mark_unsure(stored.profile.user_id)
        _refuse(entry, stored)
        done = self.review(entry, reason, partial(with_stored, stored=stored, claims=claims))
        self.on_refused(stored.profile.user_id, "disabled" if stored.disabled else "signed out")
        return done

    def disable(self, user_id: int) -> Awaitable[None]:
        """The user is offline, and refused everywhere, from now on."""
        entry = self.registry.get(user_id)
        entry.refuse(0, disabled_rev=entry.record.rev + 1)
        done = self._log.append(Proposal((user_id,), "operator", with_disabled))
        self.on_refused(user_id, "disabled")
        return done

    def refuse(self, user_id: int, token_version: int, kept_login: str = "") -> None:
        """Another process has revoked the user's tokens with a lower version, except for those of one login.

        This does not wait for the log.
        """
        self.registry.get(user_id).refuse(token_version, kept_login=kept_login)
        self.on_refused(user_id, "signed out")

    def review(self, entry: UserEntry, reason: Reason, fact: Fact = unchanged, by: str = "") -> Awaitable[None]:
        """Propose what follows from a fact and from this server's evidence."""
        self.registry.changed.add(entry.profile.user_id)
        return self._log.append(Proposal((entry.profile.user_id,), reason, fact, by))

    def _remove(self, entry: UserEntry, stored: StoredUser, at: datetime) -> Awaitable[None]:
        _refuse(entry, stored)
        done = self._log.append(Proposal((entry.profile.user_id,), "set", partial(with_deletion, at=at)))
        self.on_refused(entry.profile.user_id, "deleted")
        return done

    def _apply(self, entry: UserEntry, wanted: StatusChange, reason: Reason, fact: Fact, by: str) -> Awaitable[None]:
        if wanted.is_online is False:
            entry.heartbeat_at, entry.heartbeat_until = None, 0.0
        if wanted.is_online is True:
            self._heartbeat(entry, lasting=True)
        elif not by:
            self.seen(entry.profile.user_id)
        self.deadlines.await_silence(entry)
        return self.review(entry, reason, fact, by)

    def _beat(self, entry: UserEntry, *, lasting: bool) -> Status:
        self._heartbeat(entry, lasting=lasting)
        if entry.claims.set_offline:
            self._write_back.mark_unsure(entry.profile.user_id)
        known = entry.record.offline_set_at or entry.last_seen
        fact = partial(without_offline, at=max(entry.last_seen, known))  # wherever the wall clock jumped
        expected = self._promise(entry, fact(entry.record))
        self.review(entry, "heartbeat", fact)
        return expected

    def _promise(self, entry: UserEntry, record: Record) -> Status:
        """The status with this server's evidence. If the log makes it another one, that is announced."""
        alive = not record.disabled and (bool(record.alive_on) or entry.has_evidence(self._clock.now()))
        expected = status_of(record.profile, record.claims, alive=alive, last_seen=entry.last_seen)
        if differs(entry.status, expected):
            entry.promised = expected
        return expected

    def _heartbeat(self, entry: UserEntry, *, lasting: bool) -> None:
        self.seen(entry.profile.user_id)
        if lasting:
            entry.heartbeat_at = entry.last_seen
            entry.heartbeat_until = self._clock.now() + self._settings.heartbeat_life_seconds
            self.deadlines.await_silence(entry)


def _refuse(entry: UserEntry, stored: StoredUser) -> None:
    """Refuse the tokens that the stored document says are refused, before the log has it."""
    entry.refuse(
        stored.token_version,
        kept_login=stored.kept_login,
        disabled_rev=stored.rev if stored.disabled else 0,
        foreign_before=stored.foreign_tokens_after,
    )


def _ignore(_user_id: int, _why: str) -> None:
    """Nobody has a socket yet."""
