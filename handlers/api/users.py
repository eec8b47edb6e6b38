"""Users: the caller's profile, status and heartbeat, and the statuses of other users."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from handlers.api.auth import Nothing
from handlers.base import HandlerContext
from handlers.callers import UserHandler
from handlers.parsing import encoded_value
from handlers.user_ids import known_user, listed_users
from models.errors import Invalid
from models.field_types import ImageUrl, Username
from models.status import StatusChange
from models.usernames import checked_username
from realtime.presence.engine import Presence
from realtime.presence.membership import Membership
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement

_ONE = r"([1-9][0-9]{0,15}|external:[^,\x00]{1,384})"
_LIST = f"^{_ONE}(,{_ONE})*$"


class OwnProfile(msgspec.Struct, frozen=True):
    """Response of GET and PATCH /users/me."""

    user_id: int
    username: str
    profile_image_url: str | None
    created_at: datetime
    external_id: str | msgspec.UnsetType = msgspec.UNSET
    """The id that the user has in your own system, if there is one."""


class ProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /users/me. Omitted fields stay unchanged."""

    username: Username | msgspec.UnsetType = msgspec.UNSET
    profile_image_url: ImageUrl | msgspec.UnsetType | None = msgspec.UNSET


class PresenceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /users/presence: user ids, or `external:` and your own ids, separated by commas."""

    user_ids: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": _LIST})]


class UsersHandler(UserHandler):
    """What the handlers of users have in common."""

    def initialize(
        self,
        context: HandlerContext,
        presence: Presence,
        registry: Registry,
        settlement: Settlement,
        membership: Membership,
        batch_limit: int,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.settlement = settlement
        self.presence = presence
        self.registry = registry
        self.membership = membership
        self.batch_limit = batch_limit

    async def identify_settled(self) -> int:
        """The caller's id, once the outcome of earlier writes to the caller is known.

        Raises Unauthenticated, StoreUnavailable.
        """
        user_id = self.identify().user_id
        if self.settlement.is_settled(user_id):
            return user_id
        await self.settlement.settle(user_id)
        return self.identify().user_id  # the caller may turn out to be signed out


class MeHandler(UsersHandler):
    """GET and PATCH /users/me"""

    async def get(self) -> None:
        """Answer with the caller's profile."""
        self._answer_profile(await self.identify_settled())

    async def patch(self) -> None:
        """Change the caller's profile and announce it."""
        user_id = await self.identify_settled()
        changes = msgspec.structs.asdict(self.read_body(ProfileChange))
        changes = {name: value for name, value in changes.items() if value is not msgspec.UNSET}
        if not changes:
            raise Invalid("Give at least one of username and profile_image_url.")
        name = changes.get("username")
        if name is not None and name != self.registry.name(user_id):  # a name from before today's rule may stay
            changes["username"] = checked_username(name)
        await self.membership.update(user_id, changes)
        self._answer_profile(user_id)

    def _answer_profile(self, user_id: int) -> None:
        entry = self.registry.get(user_id)
        profile, created_at = entry.profile, entry.record.created_at
        external_id = msgspec.UNSET if profile.external_id is None else profile.external_id
        self.answer(OwnProfile(user_id, profile.username, profile.profile_image_url, created_at, external_id))


class MyStatusHandler(UsersHandler):
    """GET and PUT /users/me/status"""

    async def get(self) -> None:
        """Answer with the caller's status."""
        self.answer(self.presence.status(await self.identify_settled()))

    async def put(self) -> None:
        """Change the caller's status. It is saved, then announced, then answered."""
        user_id = await self.identify_settled()
        self.answer(await self.presence.change(user_id, self.read_body(StatusChange)))


class MyHeartbeatHandler(UsersHandler):
    """POST /users/me/heartbeat"""

    async def post(self) -> None:
        """Count a sign of life, which brings the user online."""
        user_id = await self.identify_settled()
        self.read_body(Nothing)
        self.answer(await self.presence.heartbeat(user_id))


class UserPresenceHandler(UsersHandler):
    """GET /users/{id}/presence"""

    accepts_keys = True

    def get(self, user_id: str) -> None:
        """Answer with one user's status."""
        self.check_caller()
        self.answer(known_user(user_id, self.registry).status)


class UsersPresenceHandler(UsersHandler):
    """GET /users/presence?user_ids=1,2,3"""

    accepts_keys = True

    def get(self) -> None:
        """Answer with the statuses of several users, in the order of the request. Unknown ids are left out."""
        self.check_caller()
        self.read_query(PresenceQuery)
        entries = listed_users(encoded_value(self.request, "user_ids"), self.registry, self.batch_limit)
        self.answer([entry.status for entry in entries if entry])
