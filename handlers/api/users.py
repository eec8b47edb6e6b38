"""Users: the own profile, status and heartbeat, and the presence of others."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

from handlers.api.auth import Nothing
from handlers.base import ApiHandler, HandlerContext
from models.errors import Invalid, NotFound
from models.field_types import ImageUrl, Username
from models.status import StatusChange
from models.users import Users
from realtime.presence.engine import Presence
from realtime.presence.registry import Registry
from realtime.protocol import USER_ID_LIMIT

_ID = re.compile(r"[1-9][0-9]{0,15}")


class OwnProfile(msgspec.Struct, frozen=True):
    """Answer of GET /users/me."""

    user_id: int
    username: str
    profile_image_url: str | None
    created_at: datetime


class ProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /users/me. Absent fields stay as they are."""

    username: Username | msgspec.UnsetType = msgspec.UNSET
    profile_image_url: ImageUrl | msgspec.UnsetType | None = msgspec.UNSET


class PresenceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /users/presence: ids with commas between."""

    user_ids: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^[1-9][0-9]{0,15}(,[1-9][0-9]{0,15})*$"})]


class UsersHandler(ApiHandler):
    """What the handlers of users share."""

    def initialize(
        self, context: HandlerContext, presence: Presence, registry: Registry, users: Users, batch_limit: int
    ) -> None:
        """Collaborators come from the route."""
        self.set_up(context)
        self.presence = presence
        self.registry = registry
        self.users = users
        self.batch_limit = batch_limit


class MeHandler(UsersHandler):
    """GET and PATCH /users/me"""

    def get(self) -> None:
        """The own profile."""
        self._answer_profile(self.identify().user_id)

    async def patch(self) -> None:
        """Change the own profile; everyone is told."""
        user_id = self.identify().user_id
        changes = msgspec.structs.asdict(self.read(ProfileChange))
        changes = {name: value for name, value in changes.items() if value is not msgspec.UNSET}
        if not changes:
            raise Invalid("Give at least one of username, profile_image_url")
        user = await self.users.save_profile(user_id, changes)
        if user is None:
            raise NotFound("No such user")
        self.presence.rename(user.profile)
        self._answer_profile(user_id)

    def _answer_profile(self, user_id: int) -> None:
        entry = self.registry.get(user_id)
        profile = entry.profile
        self.answer(OwnProfile(user_id, profile.username, profile.profile_image_url, entry.created_at))


class MyStatusHandler(UsersHandler):
    """GET and PUT /users/me/status"""

    def get(self) -> None:
        """The own status."""
        self.answer(self.presence.status(self.identify().user_id))

    async def put(self) -> None:
        """Change it; it is saved, then announced, then answered."""
        user_id = self.identify().user_id
        self.answer(await self.presence.change(user_id, self.read(StatusChange)))


class MyHeartbeatHandler(UsersHandler):
    """POST /users/me/heartbeat"""

    def post(self) -> None:
        """A sign of life: brings the user online."""
        user_id = self.identify().user_id
        self.read(Nothing)
        self.answer(self.presence.heartbeat(user_id, over_socket=False))


class UserPresenceHandler(UsersHandler):
    """GET /users/{id}/presence"""

    def get(self, user_id: str) -> None:
        """One user's status."""
        self.identify()
        self.answer(self.presence.status(_user_id(user_id)))


class UsersPresenceHandler(UsersHandler):
    """GET /users/presence?user_ids=1,2,3"""

    def get(self) -> None:
        """The statuses of several users, in the order asked; ids that nobody has are left out."""
        self.identify()
        parts = self.query(PresenceQuery).user_ids.split(",")
        if len(parts) > self.batch_limit:
            raise Invalid(f"user_ids has at most {self.batch_limit} ids")
        entries = [self.registry.find(_user_id(part)) for part in parts]
        self.answer([entry.status for entry in entries if entry])


def _user_id(text: str) -> int:
    if not _ID.fullmatch(text) or int(text) > USER_ID_LIMIT:
        raise Invalid(f"A user id is a whole number from 1, not {text[:20]!r}")
    return int(text)
