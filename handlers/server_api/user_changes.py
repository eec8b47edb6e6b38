"""User changes: creates and updates users as a backend wants them. Only what differs is written."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal

import msgspec

from models.errors import Invalid, NotFound
from models.external_ids import ExternalIds, checked_external_id
from models.field_types import ImageUrl, Tag, Username
from models.tags import checked_tags
from models.user_documents import StoredUser
from models.usernames import checked_username
from realtime.presence.membership import Membership
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry

Outcome = Literal["created", "updated", "unchanged"]


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a backend says of a user. Fields that are left out stay unchanged."""

    username: Username | msgspec.UnsetType = msgspec.UNSET
    profile_image_url: ImageUrl | msgspec.UnsetType | None = msgspec.UNSET
    tags: list[Tag] | msgspec.UnsetType = msgspec.UNSET


class UserChanges:
    """A backend may send all of its users again and again: those that are up to date cost no write."""

    def __init__(self, membership: Membership, external_ids: ExternalIds, registry: Registry) -> None:
        self._membership = membership
        self._external_ids = external_ids
        self._registry = registry

    async def reserve(self, external_id: str, change: UserChange) -> tuple[int, int | None]:
        """The id of the user who has this external id, or will have it; and the same if it was reserved for that.

        Raises Invalid, StoreUnavailable.
        """
        entry = await self._membership.find_external(checked_external_id(external_id))
        if entry is not None:
            return entry.profile.user_id, None
        _checked(change, {})
        user_id = await self._external_ids.reserve(external_id)
        return user_id, user_id

    async def reserve_new(self, external_ids: Iterable[str]) -> dict[str, int]:
        """Reserve user ids for those whom nobody has, all at once. Raises StoreUnavailable."""
        wanted = [each for each in external_ids if self._registry.find_external(each) is None and _is_valid(each)]
        return await self._external_ids.reserve_new(wanted) if wanted else {}

    async def put(self, external_id: str, change: UserChange, reserved: int | None = None) -> tuple[UserEntry, Outcome]:
        """Update the user with this external id, or create one, for whom an id may have been reserved.

        Raises Invalid, Conflict, StoreUnavailable.
        """
        checked_external_id(external_id)
        entry = None if reserved is not None else await self._membership.find_external(external_id)
        if entry is not None:
            with suppress(NotFound):  # deleted meanwhile: then the user is created again
                return entry, await self.update(entry, change)
        new = _checked(change, {})
        found = list[StoredUser]()
        stored = await self._membership.create_external(
            external_id,
            new.get("username"),
            new.get("profile_image_url"),
            new.get("tags", ()),
            reserved=reserved,
            on_found=found.append,
        )
        entry = self._registry.get(stored.profile.user_id)
        outcome = await self.update(entry, change)  # another request may have created the user first
        return entry, outcome if stored in found else "created"

    async def update(self, entry: UserEntry, change: UserChange) -> Outcome:
        """Change a user. Raises Invalid, NotFound, Conflict, StoreUnavailable."""
        profile = entry.profile
        known = {
            "username": profile.username,
            "profile_image_url": profile.profile_image_url,
            "tags": entry.record.tags,
        }
        changes = _checked(change, known)
        if not changes:
            return "unchanged"
        await self._membership.update(profile.user_id, changes)
        return "updated"


def _is_valid(external_id: str) -> bool:
    try:
        checked_external_id(external_id)
    except Invalid:
        return False
    return True


def _checked(change: UserChange, known: dict[str, Any]) -> dict[str, Any]:
    """What differs from what is known, in the form in which it is stored. Raises Invalid.

    A name that the user has already is not checked: it may be one from before today's rule.
    """
    wanted: dict[str, Any] = {}
    if change.username is not msgspec.UNSET and change.username != known.get("username"):
        wanted["username"] = checked_username(change.username)
    if change.profile_image_url is not msgspec.UNSET:
        wanted["profile_image_url"] = change.profile_image_url
    if change.tags is not msgspec.UNSET:
        wanted["tags"] = checked_tags(change.tags)
    return {name: value for name, value in wanted.items() if name not in known or value != known[name]}
