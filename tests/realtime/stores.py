"""In-memory stores that can be slow, fail, or lose the reply to a write that was applied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec

from models.acknowledgements import Acknowledgement
from models.audit import AuditEntry
from models.calls import Call, CallLock
from models.errors import Conflict, Outdated, StoreUnavailable
from models.service_keys import Scope, ServiceKey, hash_of, new_key
from models.status import Claims, Profile
from models.token_profile import TokenProfile
from models.user_documents import Evidence, NewUser, StoredUser, anonymous_name, claims_to_store, deletion
from models.usernames import username_key

Fault = Literal["none", "refused", "reply_lost", "half", "broken"]
"""`refused`: fails before it is applied; `reply_lost`: after; `half`: halfway; `broken`: an unexpected error."""

T = TypeVar("T")


class Held:
    """A store operation on hold: the first `go` applies it, the second returns the reply."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.fault: Fault = "none"
        self.moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def go(self, fault: Fault = "none") -> None:
        """Advance it by one step."""
        if fault != "none":
            self.fault = fault
        if not self.moved.done():
            self.moved.set_result(None)


class Faults:
    """The faults of store operations from now on."""

    def __init__(self) -> None:
        self.is_down = False
        """Whether every operation is refused."""
        self.holds = False
        """Whether operations wait until they are released."""
        self.next: dict[str, list[Fault]] = {}
        """The faults of the next operations, by name."""
        self.held: list[Held] = []
        self.calls: list[str] = []
        """The names of the requested operations, in order."""

    def script(self, operation: str, *faults: Fault) -> None:
        """Set the faults of the next calls of an operation, in order."""
        self.next.setdefault(operation, []).extend(faults)

    async def run(self, operation: str, apply: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        """Run an operation with the faults set for it."""
        self.calls.append(operation)
        held = Held(operation) if self.holds else None
        fault = self._next_fault(operation)
        if held is None:
            return _outcome(operation, fault, apply, half)()
        self.held.append(held)
        try:
            await held.moved
            reply = _outcome(operation, held.fault if held.fault != "none" else fault, apply, half)
            held.moved = asyncio.get_running_loop().create_future()
            await held.moved
            if held.fault != "none":
                raise StoreUnavailable(operation)
            return reply()
        finally:
            self.held.remove(held)

    def _next_fault(self, operation: str) -> Fault:
        if self.is_down:
            return "refused"
        scripted = self.next.get(operation)
        return scripted.pop(0) if scripted else "none"


def _outcome(
    operation: str, fault: Fault, apply: Callable[[], T], half: Callable[[], object] | None
) -> Callable[[], T]:
    """Apply an operation, half of it, or nothing. Returns a function that returns the reply or raises it."""
    if fault == "half" and half is not None:
        half()
    if fault in ("none", "reply_lost"):
        result = apply()
        if fault == "none":
            return lambda: result
    error = RuntimeError(operation) if fault == "broken" else StoreUnavailable(operation)

    def fail() -> T:
        raise error

    return fail


class FakeUsers:
    """Users as the real store keeps them: claims and evidence have separate writers."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.rows: dict[int, StoredUser] = {}
        self.evidence_writes: list[list[Evidence]] = []
        self.stolen: list[str] = []
        """Names that somebody takes and gives up between a look at the names and a write."""
        self.last_id = 0

    def add(self, user_id: int, at: datetime, username: str | None = None) -> StoredUser:
        """Register a user."""
        profile = Profile(user_id, username or f"user{user_id}", None)
        self.rows[user_id] = StoredUser(profile, at, False, None, False, None, None, False, at, None)
        return self.rows[user_id]

    def change(self, user_id: int, **fields: object) -> None:
        """Write fields of one user."""
        self.rows[user_id] = msgspec.structs.replace(self.rows[user_id], **fields)

    async def read_back(self, user_id: int) -> StoredUser | None:
        """See models.users.Users.read_back."""
        return await self.faults.run("get_user", lambda: self.rows.get(user_id))

    async def save_claims(self, user_id: int, claims: Claims, at: datetime, *, rev: int) -> None:
        """See PresenceStore."""
        fields = msgspec.structs.asdict(claims_to_store(claims, at))
        await self.written("save_claims", user_id, lambda: self.change_read(user_id, rev, **fields))

    async def written(self, operation: str, user_id: int, apply: Callable[[], bool]) -> StoredUser:
        """Run a write that checks the rev, and return the document. Raises Outdated if it changed nothing."""
        if not await self.faults.run(operation, apply):
            raise Outdated
        return self.rows[user_id]

    def change_read(self, user_id: int, rev: int, **fields: object) -> bool:
        """Write fields of one user unless the document has changed since it was read. Returns whether it did."""
        if self.rows[user_id].rev != rev or self.rows[user_id].deleted_at is not None:
            return False
        self.change(user_id, rev=rev + 1, **fields)
        return True

    async def save_evidence(self, rows: list[Evidence]) -> None:
        """See PresenceStore."""

        def apply() -> None:
            self.evidence_writes.append(rows)
            for row in [each for each in rows if self.rows[each.user_id].deleted_at is None]:
                before = self.rows[row.user_id]
                seen, beats = max(row.last_seen, before.last_seen), [row.heartbeat_at, before.heartbeat_at]
                latest_beat = max((at for at in beats if at is not None), default=None)
                self.change(row.user_id, online=row.online, heartbeat_at=latest_beat, last_seen=seen)
                if row.current_state is not None:
                    self.change(row.user_id, current_state=row.current_state)

        await self.faults.run("save_evidence", apply)

    async def revisions(self, after_id: int, limit: int) -> list[tuple[int, int]]:
        """See models.users.Users.revisions."""

        def found() -> list[tuple[int, int]]:
            return [(user_id, self.rows[user_id].rev) for user_id in sorted(self.rows) if user_id > after_id][:limit]

        return await self.faults.run("revisions", found)

    async def busy(self) -> list[tuple[int, datetime | None]]:
        """See models.users.Users.busy."""
        return await self.faults.run(
            "busy", lambda: [(each.profile.user_id, each.busy_until) for each in self.rows.values() if each.set_busy]
        )

    async def revoke_tokens(self, user_id: int, at: datetime) -> StoredUser | None:
        """See models.users.Users.revoke_tokens."""
        return await self._revoking("revoke_tokens", user_id, at)

    async def disable(self, user_id: int, at: datetime) -> StoredUser | None:
        """See models.users.Users.disable."""
        return await self._revoking("disable", user_id, at, disabled=True)

    async def delete(self, user_id: int, at: datetime) -> StoredUser | None:
        """See models.users.Users.delete."""
        named = StoredUser.__struct_fields__
        fields = {name: value for name, value in deletion(user_id, at).items() if name in named and name != "tags"}
        row = self.rows.get(user_id)
        external_id = row.profile.external_id if row else None
        profile = Profile(user_id, anonymous_name(user_id), None, external_id)
        return await self._revoking("delete", user_id, at, **fields, tags=(), current_state=None, profile=profile)

    async def enable(self, user_id: int) -> StoredUser | None:
        """See models.users.Users.enable."""

        def apply() -> StoredUser | None:
            if (row := self._present(user_id)) is not None:
                self.change(user_id, disabled=False, rev=row.rev + 1)
            return self._present(user_id)

        return await self.faults.run("enable", apply)

    async def next_id(self) -> int:
        """See models.users.Users.next_id."""
        self.last_id = max([self.last_id, *self.rows]) + 1
        return self.last_id

    async def taken(self, usernames: Sequence[str]) -> set[str]:
        """See models.users.Users.taken."""
        keys = {username_key(row.profile.username) for row in self.rows.values()}
        return await self.faults.run("taken", lambda: keys & {username_key(each) for each in usernames})

    async def create(
        self,
        new: NewUser,
        created_at: datetime,
        user_id: int,
        on_found: Callable[[StoredUser], object] | None = None,
    ) -> StoredUser:
        """See models.users.Users.create."""

        def apply() -> StoredUser | None:
            if user_id in self.rows:
                if on_found is not None:
                    on_found(self.rows[user_id])
                return self.rows[user_id]
            if self._is_taken(new.username, user_id):
                return None
            self.add(user_id, created_at, new.username)
            profile = Profile(user_id, new.username, new.profile_image_url, new.external_id)
            token_profile = new.token_profile or TokenProfile()
            self.change(user_id, profile=profile, tags=new.tags, token_profile=token_profile)
            return self.rows[user_id]

        created = await self.faults.run("create", apply)
        if created is None:
            raise Conflict("USERNAME_TAKEN", "taken")
        return created

    async def save_profile(self, user_id: int, changes: dict[str, Any], *, rev: int) -> StoredUser:
        """See models.users.Users.save_profile."""

        def apply() -> bool:
            row = self.rows[user_id]
            if self._is_taken(changes.get("username", ""), user_id):
                raise Conflict("USERNAME_TAKEN", "taken")
            others = {name: changes[name] for name in changes.keys() & {"tags", "token_profile"}}
            if "token_profile" in others:
                others["token_profile"] = msgspec.convert(others["token_profile"], TokenProfile)
            named = {name: value for name, value in changes.items() if name not in others}
            return self.change_read(user_id, rev, **others, profile=msgspec.structs.replace(row.profile, **named))

        return await self.written("save_profile", user_id, apply)

    async def _revoking(self, operation: str, user_id: int, at: datetime, **fields: object) -> StoredUser | None:
        def apply() -> StoredUser | None:
            row = self._present(user_id)
            if row is None:
                return None
            version = row.token_version + 1
            self.change(
                user_id, token_version=version, kept_login="", rev=row.rev + 1, foreign_tokens_after=at, **fields
            )
            return self.rows[user_id]

        return await self.faults.run(operation, apply)

    def _is_taken(self, username: str, user_id: int) -> bool:
        if username in self.stolen:
            self.stolen.remove(username)
            return True
        key = username_key(username)
        return any(username_key(row.profile.username) == key for each, row in self.rows.items() if each != user_id)

    def _present(self, user_id: int) -> StoredUser | None:
        row = self.rows.get(user_id)
        return row if row is not None and row.deleted_at is None else None


class FakeExternalIds:
    """External ids as the real store keeps them."""

    def __init__(self, faults: Faults, users: FakeUsers) -> None:
        self.faults = faults
        self.users = users
        self.rows: dict[str, int] = {}

    async def find(self, external_id: str) -> StoredUser | None:
        """See models.external_ids.ExternalIds.find."""
        return await self.faults.run("find_external", lambda: self._find(external_id))

    def _find(self, external_id: str) -> StoredUser | None:
        user = self.users.rows.get(self.rows.get(external_id, 0))
        return user if user is not None and user.deleted_at is None else None

    async def reserve(self, external_id: str) -> int:
        """See models.external_ids.ExternalIds.reserve."""
        user = self.users.rows.get(self.rows.get(external_id, 0))
        if external_id not in self.rows or (user is not None and user.deleted_at is not None):
            self.rows[external_id] = await self.users.next_id()
        return await self.faults.run("reserve", lambda: self.rows[external_id])


class FakeDeletions:
    """What is left of deleted users: only the external id."""

    def __init__(self, faults: Faults, users: FakeUsers, external_ids: FakeExternalIds) -> None:
        self.faults = faults
        self.users = users
        self.external_ids = external_ids
        self.cleaned: list[int] = []

    async def unfinished(self) -> list[StoredUser]:
        """See models.deletions.Deletions.unfinished."""
        return await self.faults.run(
            "unfinished", lambda: [row for row in self.users.rows.values() if row.deletion_unfinished]
        )

    async def clean_up(self, stored: StoredUser) -> None:
        """See models.deletions.Deletions.clean_up."""

        def apply() -> None:
            self.cleaned.append(stored.profile.user_id)
            if stored.profile.external_id is not None:
                self.external_ids.rows.pop(stored.profile.external_id, None)

        await self.faults.run("clean_up", apply)

    async def finish(self, user_id: int) -> None:
        """See models.deletions.Deletions.finish."""

        def apply() -> None:
            profile = msgspec.structs.replace(self.users.rows[user_id].profile, external_id=None)
            self.users.change(user_id, deletion_unfinished=False, profile=profile)

        await self.faults.run("finish_deletion", apply)


class FakeUserPasswords:
    """Passwords of users, of which the core only sees that tokens are revoked."""

    def __init__(self, faults: Faults, users: FakeUsers) -> None:
        self.faults = faults
        self.users = users
        self.hashes: dict[int, str] = {}

    async def replace(self, user_id: int, password_hash: str, *, kept_login: str) -> StoredUser | None:
        """See models.user_passwords.UserPasswords.replace."""

        def apply() -> StoredUser | None:
            row = self.users.rows.get(user_id)
            if row is None or row.deleted_at is not None:
                return None
            self.hashes[user_id] = password_hash
            self.users.change(user_id, token_version=row.token_version + 1, kept_login=kept_login, rev=row.rev + 1)
            return self.users.rows[user_id]

        return await self.faults.run("set_password", apply)

    async def set(self, user_id: int, password_hash: str, _at: datetime) -> StoredUser | None:
        """See models.user_passwords.UserPasswords.set."""
        return await self.replace(user_id, password_hash, kept_login="")


class FakeLogins:
    """Logins, of which the core only ends all those of a user."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.revoked: list[int] = []

    async def revoke_user(self, user_id: int, at: datetime) -> None:
        """See models.logins.Logins.revoke_user."""
        await self.faults.run("revoke_user", lambda: self.revoked.append(user_id))


class FakeAudit:
    """The audit log, of which the core uses only the waiting actions."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.entries: dict[str, AuditEntry] = {}

    def begin(self, entry_id: str, at: datetime, action: str, user_id: int) -> None:
        """Add the entry that the dashboard writes before an action."""
        target = f"user:{user_id}"
        self.entries[entry_id] = AuditEntry(entry_id, at, "maya", action, target, "", "before", "", "", "", "started")

    def _change(self, entry_id: str, **fields: str) -> None:
        if entry_id in self.entries:
            self.entries[entry_id] = msgspec.structs.replace(self.entries[entry_id], **fields)

    async def wait(self, entry_id: str, call_id: str) -> None:
        """See models.audit.Audit.wait."""
        await self.faults.run("wait", lambda: self._change(entry_id, outcome="waiting", call_id=call_id))

    async def claim(self, entry_id: str) -> bool:
        """See models.audit.Audit.claim."""

        def apply() -> bool:
            found = self.entries.get(entry_id)
            if found is None or found.outcome != "waiting":
                return False
            self._change(entry_id, outcome="started")
            return True

        return await self.faults.run("claim", apply)

    async def waiting(self) -> list[AuditEntry]:
        """See models.audit.Audit.waiting."""
        return await self.faults.run(
            "waiting", lambda: [each for each in self.entries.values() if each.outcome == "waiting"]
        )

    async def finish(self, entry_id: str, *, outcome: str, after: str) -> None:
        """See models.audit.Audit.finish."""
        await self.faults.run("finish", lambda: self._change(entry_id, outcome=outcome, after=after))


class FakeServiceKeys:
    """Service keys as the real store keeps them."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.rows: dict[str, ServiceKey] = {}

    def add(self, key_id: str, at: datetime, scope: Scope = "read") -> str:
        """Add a key. Returns its text."""
        text = new_key()
        self.rows[key_id] = ServiceKey(key_id, f"name of {key_id}", scope, hash_of(text), at)
        return text

    def change(self, key_id: str, **fields: datetime) -> None:
        """Change a key, as the command line or another server does."""
        self.rows[key_id] = msgspec.structs.replace(self.rows[key_id], **fields)

    async def all(self) -> list[ServiceKey]:
        """See models.service_keys.ServiceKeys.all."""
        return await self.faults.run("all_keys", lambda: list(self.rows.values()))

    async def note_use(self, key_id: str, at: datetime) -> None:
        """See models.service_keys.ServiceKeys.note_use."""
        await self.faults.run("note_use", lambda: self.change(key_id, last_used_at=at))


class FakeCalls:
    """Calls and call locks as the real store keeps them."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.calls: dict[str, Call] = {}
        self.locks: dict[int, str] = {}
        """The call that holds each user's lock."""
        self.makers: dict[int, str] = {}
        """The incarnation that made each lock. One that a test made has none."""

    async def lock(self, call_id: str, participants: tuple[int, int], incarnation: str) -> int | None:
        """See models.calls.Calls.lock."""

        def apply() -> int | None:
            for user_id in sorted(participants):
                if user_id in self.locks:
                    return user_id
            self.locks.update(dict.fromkeys(participants, call_id))
            self.makers.update(dict.fromkeys(participants, incarnation))
            return None

        def half() -> None:
            if self.locks.setdefault(min(participants), call_id) == call_id:
                self.makers[min(participants)] = incarnation

        return await self.faults.run("lock", apply, half)

    async def lock_of(self, user_id: int) -> CallLock | None:
        """See models.calls.Calls.lock_of."""
        return await self.faults.run("lock_of", lambda: self._lock_of(user_id))

    def _lock_of(self, user_id: int) -> CallLock | None:
        call_id = self.locks.get(user_id)
        return None if call_id is None else CallLock(user_id, call_id, self.makers.get(user_id))

    async def unlock(self, call_id: str, participants: tuple[int, int]) -> None:
        """See models.calls.Calls.unlock."""

        def apply(*users: int) -> None:
            for user_id in users:
                if self.locks.get(user_id) == call_id:
                    del self.locks[user_id]
                    self.makers.pop(user_id, None)

        await self.faults.run("unlock", lambda: apply(*participants), lambda: apply(participants[0]))

    async def confirm(self, call_id: str, participants: tuple[int, int], incarnation: str) -> bool:
        """See models.calls.Calls.confirm."""

        def apply() -> bool:
            held = [
                user_id
                for user_id in participants
                if self.locks.get(user_id) == call_id and self.makers.get(user_id) in (incarnation, None)
            ]
            for user_id in held:
                self.makers.pop(user_id, None)
            return len(held) == len(participants)

        return await self.faults.run("confirm", apply)

    async def release(self, lock: CallLock) -> None:
        """See models.calls.Calls.release."""

        def apply() -> None:
            if self._lock_of(lock.user_id) == lock:
                del self.locks[lock.user_id]
                self.makers.pop(lock.user_id, None)

        await self.faults.run("release", apply)

    async def all_locks(self) -> list[CallLock]:
        """See models.calls.Calls.all_locks."""
        return await self.faults.run(
            "all_locks", lambda: [lock for user_id in self.locks if (lock := self._lock_of(user_id))]
        )

    async def insert(self, call: Call) -> bool:
        """See models.calls.Calls.insert."""
        return await self.faults.run("insert", lambda: self.calls.setdefault(call.call_id, call) is call)

    async def get(self, call_id: str) -> Call | None:
        """See models.calls.Calls.get."""
        return await self.faults.run("get", lambda: self.calls.get(call_id))

    async def end(self, ended: Call) -> Call | None:
        """See models.calls.Calls.end."""

        def apply() -> Call | None:
            if (found := self.calls.get(ended.call_id)) is None or found.status != "ongoing":
                return None
            self.calls[ended.call_id] = ended
            return ended

        return await self.faults.run("end", apply)

    async def ongoing(self) -> list[Call]:
        """See models.calls.Calls.ongoing."""
        return await self.faults.run(
            "ongoing", lambda: [each for each in self.calls.values() if each.status == "ongoing"]
        )


class FakeAcknowledgements:
    """Acknowledgements as the real store keeps them."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.rows: dict[str, Acknowledgement] = {}

    async def put(self, acknowledgement: Acknowledgement) -> None:
        """See models.acknowledgements.Acknowledgements.put."""
        await self.faults.run("put", lambda: self.rows.update({acknowledgement.key: acknowledgement}))

    async def remove(self, acknowledgement: Acknowledgement) -> bool:
        """See models.acknowledgements.Acknowledgements.remove."""
        return await self.faults.run("remove", lambda: self._remove(acknowledgement))

    async def all(self) -> list[Acknowledgement]:
        """See models.acknowledgements.Acknowledgements.all."""
        return await self.faults.run("all_acknowledgements", lambda: list(self.rows.values()))

    def _remove(self, acknowledgement: Acknowledgement) -> bool:
        is_there = self.rows.get(acknowledgement.key) == acknowledgement
        if is_there:
            del self.rows[acknowledgement.key]
        return is_there
