"""Users: lists, shows, creates, changes and deletes them for a backend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from handlers.api.auth import Nothing
from handlers.paging import Paged, PageQuery
from handlers.server_api.base import ServerHandler, needs
from handlers.server_api.user_changes import UserChange, UserChanges
from models.errors import Invalid
from models.external_ids import LONGEST_EXTERNAL_ID, checked_external_id, external_id_of
from models.field_types import Tag
from models.status import Status
from models.tags import checked_tag
from realtime.presence.user_entry import UserEntry

ExternalId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EXTERNAL_ID, pattern=r"^[^\x00]*$(?!\n)")]


class ServerUser(msgspec.Struct, frozen=True):
    """A user, as the app's backend sees them."""

    user_id: int
    external_id: str | None
    username: str
    profile_image_url: str | None
    tags: Sequence[str]
    disabled: bool
    created_at: datetime
    status: Status


class ServerUsersQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Query of GET /server/users."""

    external_id: ExternalId | msgspec.UnsetType = msgspec.UNSET
    tag: Tag | msgspec.UnsetType = msgspec.UNSET


class ServerUsersHandler(Paged, ServerHandler):
    """GET /server/users"""

    @needs("read")
    async def get(self) -> None:
        """Answer with the users in the order of their ids."""
        self.check_key()
        query = self.read_query(ServerUsersQuery)
        skip, limit = self.span(query)
        found = await self._found(query)
        self.answer_page([server_user(entry) for entry in found[skip : skip + limit]], len(found), query)

    async def _found(self, query: ServerUsersQuery) -> Sequence[UserEntry]:
        tag = None if query.tag is msgspec.UNSET else checked_tag(query.tag)
        if query.external_id is not msgspec.UNSET:
            entry = await self.core.membership.find_external(checked_external_id(query.external_id))
            found = [] if entry is None else [entry]
            return [each for each in found if tag is None or tag in each.record.tags]
        return self.registry.by_id(tag)


class ServerUserHandler(ServerHandler):
    """GET, PUT, PATCH and DELETE /server/users/{id}"""

    @needs("read")
    async def get(self, user: str) -> None:
        """Answer with one user."""
        self.check_key()
        self.answer(server_user(await self.user(user)))

    @needs("write", "put_user")
    async def put(self, user: str) -> None:
        """Update the user with this external id, or create one. Answers 201 if the user is new."""
        self.check_key()
        change = self.read_body(UserChange)
        external_id = external_id_of(user)
        if external_id is None:
            raise Invalid("Only a user with an external id is created. PATCH changes any user.")
        user_id, reserved = await self._changes.reserve(external_id, change)
        entry, outcome = await self.change(
            f"user:{user_id}",
            self.registry.name(user_id),
            lambda: self._changes.put(external_id, change, reserved),
            lambda done: done[1],
        )
        self.answer(server_user(entry), 201 if outcome == "created" else 200)

    @needs("write", "change_user")
    async def patch(self, user: str) -> None:
        """Change a user."""
        self.check_key()
        change = self.read_body(UserChange)
        if change == UserChange():
            raise Invalid("Give at least one of username, profile_image_url and tags.")
        entry = await self.user(user)
        await self.change_user(entry, lambda: self._changes.update(entry, change), lambda outcome: outcome)
        self.answer(server_user(entry))

    @needs("admin", "delete_user")
    async def delete(self, user: str) -> None:
        """Delete a user for good."""
        await self.act("delete_user", user)
        self.answer(Nothing())

    @property
    def _changes(self) -> UserChanges:
        return UserChanges(self.core.membership, self.server.stores.external_ids, self.registry)


def server_user(entry: UserEntry) -> ServerUser:
    """The user as the app's backend sees them."""
    profile = entry.profile
    return ServerUser(
        user_id=profile.user_id,
        external_id=profile.external_id,
        username=profile.username,
        profile_image_url=profile.profile_image_url,
        tags=entry.record.tags,
        disabled=entry.disabled,
        created_at=entry.record.created_at,
        status=entry.status,
    )
