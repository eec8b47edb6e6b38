"""User documents: the documents of the collection `users`, and the values read from them and written to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateOne

from models.status import Claims, CurrentState, Profile
from models.token_profile import TokenProfile
from models.usernames import username_key

PRESENT: dict[str, Any] = {"deleted_at": None}
"""The filter for users who are not deleted. Most documents lack the field."""

_NO_NAME = "\x7f"
"""Begins the key of a deleted user. No name contains this character."""


class UserDocument(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """A user's document, without the password."""

    user_id: int
    username: str
    profile_image_url: str | None
    created_at: datetime
    disabled: bool
    tokens_after: datetime | None
    set_busy: bool
    busy_until: datetime | None
    offline_set_at: datetime | None
    online: bool
    last_seen: datetime
    heartbeat_at: datetime | None
    standing: CurrentState | None = None
    token_version: int = 0
    kept_login: str = ""
    rev: int = 0
    external_id: str | None = None
    tags: tuple[str, ...] | None = None
    foreign_tokens_after: datetime | None = None
    token_profile: TokenProfile | None = None
    deleted_at: datetime | None = None
    deletion_unfinished: bool | None = None


class IdDocument(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """The id of a user's document."""

    user_id: int


class StoredUser(msgspec.Struct, frozen=True):
    """One user as stored, without the password."""

    profile: Profile
    created_at: datetime
    disabled: bool
    tokens_after: datetime | None
    set_busy: bool
    busy_until: datetime | None
    offline_set_at: datetime | None
    online: bool
    last_seen: datetime
    heartbeat_at: datetime | None
    current_state: CurrentState | None = None
    """None until the user is seen for the first time."""
    token_version: int = 0
    """Tokens with a lower version are revoked."""
    kept_login: str = ""
    """The login that the last revocation left valid, whatever the version of its tokens; empty if there is none."""
    rev: int = 0
    """Raised by every write of the profile, the tags, the claims and the revocation, and not by evidence."""
    tags: tuple[str, ...] = ()
    """In alphabetical order, each once."""
    foreign_tokens_after: datetime | None = None
    """Tokens of another program that were issued before this moment are revoked."""
    token_profile: TokenProfile = TokenProfile()
    """What such tokens last said of the name and the picture."""
    deleted_at: datetime | None = None
    """When the user was deleted. Nothing personal is left then, and the id is never given to anyone else."""
    deletion_unfinished: bool = False
    """Whether other documents still name the deleted user (see `Deletions`)."""

    @property
    def stored_claims(self) -> StoredClaims:
        return StoredClaims(self.set_busy, self.busy_until, self.offline_set_at)


class StoredClaims(msgspec.Struct, frozen=True):
    """The claims as a document has them."""

    set_busy: bool
    busy_until: datetime | None
    offline_set_at: datetime | None


class PasswordRecord(msgspec.Struct, frozen=True):
    """What a sign-in by password needs to know about the user. A user without a hash cannot sign in."""

    user_id: int
    password_hash: str | None
    disabled: bool
    token_version: int


class NewUser(msgspec.Struct, frozen=True):
    """A user to be added. A user without a password cannot log in with one."""

    username: str
    password_hash: str | None
    profile_image_url: str | None
    external_id: str | None = None
    tags: tuple[str, ...] = ()
    token_profile: TokenProfile | None = None


class Evidence(msgspec.Struct, frozen=True):
    """The evidence about one user, which is saved after it was announced."""

    user_id: int
    online: bool
    last_seen: datetime
    heartbeat_at: datetime | None
    """None, or an earlier one than the stored value, leaves that unchanged."""
    current_state: CurrentState | None = None
    """None leaves the stored value unchanged."""


def evidence_update(row: Evidence) -> UpdateOne:
    """The write of one user's evidence. Another server may have saved a later sign of life, which stays."""
    fields: dict[str, Any] = {"online": row.online}
    if row.current_state is not None:
        fields["standing"] = msgspec.structs.asdict(row.current_state)
    latest = {"last_seen": row.last_seen}
    if row.heartbeat_at is not None:
        latest["heartbeat_at"] = row.heartbeat_at
    return UpdateOne({"_id": row.user_id, **PRESENT}, {"$set": fields, "$max": latest})


def new_document(user_id: int, new: NewUser, created_at: datetime) -> dict[str, Any]:
    """The document of a user who was just added."""
    optional: dict[str, Any] = {}
    if new.external_id is not None:
        optional["external_id"] = new.external_id
    if new.tags:
        optional["tags"] = sorted(set(new.tags))
    if new.token_profile is not None:
        optional["token_profile"] = msgspec.structs.asdict(new.token_profile)
    return {
        "_id": user_id,
        "username": new.username,
        "username_key": username_key(new.username),
        "password_hash": new.password_hash,
        "profile_image_url": new.profile_image_url,
        "created_at": created_at,
        "disabled": False,
        "tokens_after": None,
        "set_busy": False,
        "busy_until": None,
        "offline_set_at": None,
        "online": False,
        "last_seen": created_at,
        "heartbeat_at": None,
        **optional,
    }


def deletion(user_id: int, at: datetime) -> dict[str, Any]:
    """The fields of a user who is deleted. `external_id` stays until the deletion is finished (see `Deletions`).

    The document itself stays for good, so that a write which comes late finds that the user is deleted.
    """
    return {
        "username": anonymous_name(user_id),
        "username_key": f"{_NO_NAME}{user_id}",
        "password_hash": None,
        "profile_image_url": None,
        "disabled": True,
        "set_busy": False,
        "busy_until": None,
        "offline_set_at": None,
        "online": False,
        "last_seen": at,
        "heartbeat_at": None,
        "standing": None,
        "tags": None,
        "token_profile": None,
        "deleted_at": at,
        "deletion_unfinished": True,
    }


def revoked(at: datetime, kept_login: str = "", **fields: Any) -> dict[str, Any]:
    """The update that revokes all tokens, except for those of one login, and sets other fields, too.

    It depends on nothing that was read before, so it needs no `rev`. Tokens of another program have no version, only
    the time at which they were issued.
    """
    return {
        "$set": {"kept_login": kept_login, **fields},
        "$inc": {"token_version": 1, "rev": 1},
        "$max": {"foreign_tokens_after": at},
    }


def anonymous_name(user_id: int) -> str:
    """What a deleted user is called."""
    return f"deleted user #{user_id}"


def claims_to_store(claims: Claims, at: datetime) -> StoredClaims:
    """The claims as of the moment `at`, as a document has them."""
    return StoredClaims(claims.set_busy, claims.busy_until, at if claims.set_offline else None)


def claims_of(user: StoredUser, utc: datetime) -> Claims:
    """The claims of a stored user. A later heartbeat ended an explicit offline; a `busy_until` in the past, busy."""
    set_at, heartbeat_at = user.offline_set_at, user.heartbeat_at
    busy = user.set_busy and (user.busy_until is None or user.busy_until > utc)
    return Claims(
        set_offline=set_at is not None and (heartbeat_at is None or set_at >= heartbeat_at),
        set_busy=busy,
        busy_until=user.busy_until if busy else None,
    )


def stored_user(found: UserDocument) -> StoredUser:
    """The user that a document describes."""
    return StoredUser(
        profile=Profile(found.user_id, found.username, found.profile_image_url, found.external_id),
        created_at=found.created_at,
        disabled=found.disabled,
        tokens_after=found.tokens_after,
        set_busy=found.set_busy,
        busy_until=found.busy_until,
        offline_set_at=found.offline_set_at,
        online=found.online,
        last_seen=found.last_seen,
        heartbeat_at=found.heartbeat_at,
        current_state=found.standing,
        token_version=found.token_version,
        kept_login=found.kept_login,
        rev=found.rev,
        tags=found.tags or (),
        foreign_tokens_after=found.foreign_tokens_after,
        token_profile=found.token_profile or TokenProfile(),
        deleted_at=found.deleted_at,
        deletion_unfinished=bool(found.deletion_unfinished),
    )
