"""Record: what is known of one user on every server, and the facts that change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from models.status import (
    Claims,
    CurrentState,
    Profile,
    Status,
    StatusChange,
    applied,
    differs,
    state_of,
    status_of,
)
from models.token_profile import TokenProfile
from models.user_documents import StoredUser, anonymous_name
from realtime.protocol import Reason


class Record(msgspec.Struct, frozen=True, gc=False):
    """One user: profile, claims, the servers with evidence, and the status that follows from them."""

    profile: Profile
    created_at: datetime
    status: Status
    state: CurrentState
    """The current state, since when, and the reason of the last change of status."""
    claims: Claims = Claims()
    offline_set_at: datetime | None = None
    """When the user asked to be offline, if that holds."""
    alive_on: frozenset[str] = frozenset()
    """The servers whose evidence says online."""
    heartbeat_on: frozenset[str] = frozenset()
    """Those of them whose evidence is a heartbeat over REST, whether or not there is a socket as well."""
    owner: str = ""
    """The server that wrote this record. It runs the user's deadlines."""
    is_owed: bool = False
    """Whether the status has changed since it was last announced."""
    announced_as: Reason = "timed_out"
    """The reason that was given when it was last announced."""
    rev: int = 0
    """The `rev` of the stored document that the claims come from."""
    disabled: bool = False
    token_version: int = 0
    """Tokens with a lower version are refused."""
    tokens_after: datetime | None = None
    """Tokens without a version that were issued up to this moment are refused."""
    tags: tuple[str, ...] = ()
    """In alphabetical order."""
    foreign_tokens_after: datetime | None = None
    """Tokens of another program that were issued before this moment are refused."""
    kept_login: str = ""
    """The login whose tokens stay valid, whatever their version."""
    token_profile: TokenProfile = TokenProfile()
    """What such tokens last said of the name and the picture."""
    is_quiet: bool = False
    """Whether nothing but the tags had changed when the user was last announced."""
    deleted_at: datetime | None = None
    """When the user was deleted. Such a record is the user's last one."""

    @property
    def alive(self) -> bool:
        """Whether the evidence says online. An explicit offline is a claim, and is stronger."""
        return bool(self.alive_on) and not self.disabled


Fact = Callable[[Record], Record]
"""Something that happened: takes a record to the one after it, except for its status and state.

A fact says how things are, not by how much they changed. So it may be applied to any record, and also twice.
"""


def unchanged(record: Record) -> Record:
    """Nothing but the evidence may have changed."""
    return record


def new_record(profile: Profile, created_at: datetime, last_seen: datetime) -> Record:
    """The record of a user who was never seen."""
    status = status_of(profile, Claims(), alive=False, last_seen=last_seen)
    return Record(profile, created_at, status, CurrentState(state_of(status), last_seen, "timed_out"))


def with_evidence(record: Record, server: str, *, is_alive: bool, has_heartbeat: bool) -> Record:
    """The record after `server` saw, or no longer sees, signs of life."""
    if is_alive == (server in record.alive_on) and has_heartbeat == (server in record.heartbeat_on):
        return record
    return msgspec.structs.replace(
        record,
        alive_on=record.alive_on | {server} if is_alive else record.alive_on - {server},
        heartbeat_on=record.heartbeat_on | {server} if has_heartbeat else record.heartbeat_on - {server},
    )


def taken_over(record: Record, *, gone: frozenset[str]) -> Record:
    """The record without the evidence of servers that are gone. Whoever writes it owns it from now on."""
    owner = "" if record.owner in gone else record.owner
    return msgspec.structs.replace(
        record, alive_on=record.alive_on - gone, heartbeat_on=record.heartbeat_on - gone, owner=owner
    )


def with_change(record: Record, *, wanted: StatusChange, at: datetime, rev: int) -> Record:
    """The record after a validated change that its user asked for at `at`. The stored document then had this `rev`.

    A change that comes after one of a newer document is in that one already.
    """
    if rev <= record.rev:
        return record
    offline_set_at = at if wanted.is_online is False else record.offline_set_at
    return msgspec.structs.replace(
        record, claims=applied(record.claims, wanted), offline_set_at=offline_set_at, rev=rev
    )


def with_call(record: Record, *, call_id: str) -> Record:
    """The record of a user who is in a call. The call locks in the store say that any other call is over."""
    return msgspec.structs.replace(record, claims=msgspec.structs.replace(record.claims, call_id=call_id))


def without_call(record: Record, *, call_id: str) -> Record:
    """The record of a user who is not, or no longer, in a call."""
    if record.claims.call_id != call_id:
        return record
    return msgspec.structs.replace(record, claims=msgspec.structs.replace(record.claims, call_id=None))


def with_disabled(record: Record) -> Record:
    """The record of a user who is refused everywhere from now on."""
    return msgspec.structs.replace(record, disabled=True)


def deleted_record(user_id: int, at: datetime) -> Record:
    """The last record of a user who was deleted at `at`. Nothing personal is left in it."""
    blank = new_record(Profile(user_id, anonymous_name(user_id), None), at, at)
    return msgspec.structs.replace(blank, disabled=True, deleted_at=at)


def with_deletion(record: Record, *, at: datetime) -> Record:
    """The record of a user who was deleted at `at`."""
    return deleted_record(record.profile.user_id, at)


def with_stored(record: Record, *, stored: StoredUser, claims: Claims) -> Record:
    """The record with what the store has. `claims` are those in the stored document."""
    saved = msgspec.structs.replace(
        record,
        profile=stored.profile,
        claims=claims,
        offline_set_at=stored.offline_set_at,
        rev=stored.rev,
        disabled=stored.disabled,
        token_version=stored.token_version,
        tags=stored.tags,
        foreign_tokens_after=stored.foreign_tokens_after,
        kept_login=stored.kept_login,
        token_profile=stored.token_profile,
    )
    return with_saved(record, saved=saved)


def with_saved(record: Record, *, saved: Record) -> Record:
    """The record with what `saved` has from the store.

    Its claims count only if they come from a newer document than the record knows, and so does an end of being
    disabled.
    """
    is_current, is_newer = saved.rev >= record.rev, saved.rev > record.rev
    revoked = saved if saved.token_version >= record.token_version else record
    record = msgspec.structs.replace(
        record,
        profile=saved.profile if is_current else record.profile,
        tags=saved.tags if is_current else record.tags,
        token_version=revoked.token_version,
        kept_login=revoked.kept_login,
        token_profile=saved.token_profile if is_current else record.token_profile,
        foreign_tokens_after=latest(record.foreign_tokens_after, saved.foreign_tokens_after),
        disabled=saved.disabled if is_newer else record.disabled or saved.disabled,
    )
    if not is_newer:
        return record
    return msgspec.structs.replace(
        record,
        claims=followed(record, saved.offline_set_at, saved.claims),
        offline_set_at=saved.offline_set_at or record.offline_set_at,
        rev=saved.rev,
    )


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two moments, either of which may be missing."""
    return max((each for each in (one, other) if each is not None), default=None)


def with_saved_of(record: Record, *, saved: Mapping[int, Record]) -> Record:
    """The record with what the same user's record in `saved` has from the store."""
    return with_saved(record, saved=saved[record.profile.user_id])


def followed(record: Record, offline_set_at: datetime | None, claims: Claims) -> Claims:
    """The claims of a stored document, with the call that the record has.

    An explicit offline that a heartbeat has ended since is over, although the store does not know it yet.
    """
    is_ended = not record.claims.set_offline and record.offline_set_at == offline_set_at
    return msgspec.structs.replace(
        claims, set_offline=claims.set_offline and not is_ended, call_id=record.claims.call_id
    )


def without_offline(record: Record, *, at: datetime) -> Record:
    """The record after a sign of life at `at`, which ends an explicit offline, but not a later one."""
    is_later = record.offline_set_at is not None and record.offline_set_at > at
    if not record.claims.set_offline or is_later:
        return record
    return msgspec.structs.replace(record, claims=msgspec.structs.replace(record.claims, set_offline=False))


def without_busy(record: Record, *, until: datetime | None) -> Record:
    """The record after the busy status that was to last `until` then."""
    if record.claims.busy_until != until:
        return record
    claims = msgspec.structs.replace(record.claims, set_busy=False, busy_until=None)
    return msgspec.structs.replace(record, claims=claims)


def decide(
    before: Record, changed: Record, *, last_seen: datetime, at: datetime, reason: Reason, by: str = ""
) -> Record:
    """The next record: `changed` with the status that follows from it. Returns `before` itself if there is nothing new.

    A later `last_seen` alone is nothing new.
    """
    status = status_of(changed.profile, changed.claims, alive=changed.alive, last_seen=last_seen)
    if not differs(before.status, status):
        if changed is before or changed == before:
            return before
        return msgspec.structs.replace(changed, status=status)
    since = before.state.since if state_of(before.status) == state_of(status) else at
    return msgspec.structs.replace(changed, status=status, state=CurrentState(state_of(status), since, reason, by))
