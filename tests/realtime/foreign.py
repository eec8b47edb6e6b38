"""Foreign: another issuer beside a world, whose tokens the world accepts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from models.errors import Conflict, Outdated
from models.foreign_tokens import ForeignTokens
from models.key_set import read_key_set
from models.status import Profile
from models.token_profile import TokenProfile
from models.user_documents import NewUser, StoredUser
from models.usernames import username_key
from realtime.presence.provisioning import Provisioning
from realtime.sockets.foreign_identities import ForeignIdentities
from tests.issuer import AUDIENCE, ISSUER, Issuer, IssuerKey
from tests.realtime.world import World

SETTINGS: dict[str, Any] = {
    "foreign_token_keys": "jwks.json",
    "foreign_token_issuer": ISSUER,
    "foreign_token_audience": AUDIENCE,
    "provision_users": True,
}


class ProvisionedUsers:
    """The users' store, as far as provisioning needs it, over the rows of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.stolen: list[str] = []
        """Names that somebody takes between the look and the write."""

    async def create(self, new: NewUser, created_at: datetime, user_id: int | None = None) -> StoredUser:
        """See models.users.Users.create."""
        assert user_id is not None, "the id was reserved"

        def apply() -> StoredUser:
            if user_id in self._world.users.rows:
                return self._world.users.rows[user_id]
            self._check_free(new.username, user_id)
            stored = self._world.users.add(user_id, created_at, new.username)
            profile = Profile(user_id, new.username, new.profile_image_url, new.external_id)
            self._world.users.change(user_id, profile=profile, token_profile=new.token_profile or TokenProfile())
            return self._world.users.rows.get(user_id, stored)

        return await self._world.faults.run("create_user", apply)

    async def taken(self, usernames: Sequence[str]) -> set[str]:
        """See models.users.Users.taken."""
        keys = {username_key(row.profile.username) for row in self._world.users.rows.values()}
        return await self._world.faults.run("taken", lambda: keys & {username_key(each) for each in usernames})

    async def read_back(self, user_id: int) -> StoredUser | None:
        """See models.users.Users.read_back."""
        return await self._world.users.read_back(user_id)

    async def save_profile(self, user_id: int, changes: dict[str, Any], *, rev: int) -> StoredUser:
        """See models.users.Users.save_profile."""

        def apply() -> StoredUser:
            before = self._world.users.rows[user_id]
            if before.rev != rev:
                raise Outdated
            fields = dict(changes)
            token_profile = msgspec.convert(fields.pop("token_profile"), TokenProfile)
            if "username" in fields:
                self._check_free(fields["username"], user_id)
            profile = msgspec.structs.replace(before.profile, **fields)
            self._world.users.change(user_id, profile=profile, token_profile=token_profile, rev=rev + 1)
            return self._world.users.rows[user_id]

        return await self._world.faults.run("save_profile", apply)

    def _check_free(self, username: str, user_id: int) -> None:
        if username in self.stolen:
            self.stolen.remove(username)
            raise Conflict("USERNAME_TAKEN", "taken")
        for each in self._world.users.rows.values():
            same = username_key(each.profile.username) == username_key(username)
            assert not same or each.profile.user_id == user_id, "a name that is taken was written"


class FakeExternalIds:
    """External ids as the real store keeps them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rows: dict[str, int] = {}

    async def find(self, external_id: str) -> StoredUser | None:
        """See models.external_ids.ExternalIds.find."""
        user_id = self.rows.get(external_id, 0)
        return await self._world.faults.run("find_external", lambda: self._world.users.rows.get(user_id))

    async def reserve(self, external_id: str) -> int:
        """See models.external_ids.ExternalIds.reserve."""
        following = max([0, *self._world.users.rows, *self.rows.values()]) + 1
        return await self._world.faults.run("reserve", lambda: self.rows.setdefault(external_id, following))


class FakeLogins:
    """Logins that were revoked one by one."""

    def __init__(self) -> None:
        self.revoked: list[str] = []

    async def revoke(self, login_id: str, user_id: int, at: datetime, tokens_until: datetime) -> None:
        """See models.logins.Logins.revoke."""
        self.revoked.append(login_id)


class Foreign:
    """The issuer, and what the world has of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.issuer = Issuer("ES256", now=world.time.unix)
        self.external_ids = FakeExternalIds(world)
        self.users = ProvisionedUsers(world)
        self.logins = FakeLogins()
        self.reads = 0
        """How often the keys were read again."""
        self.next_keys: list[IssuerKey] = []
        """The keys that are read then."""
        self.tokens = ForeignTokens(world.settings, now=world.time.unix)
        self.tokens.read_keys = self._read_keys
        self.use(self.issuer.key())
        core = world.core
        self.provisioning = Provisioning(
            world.settings, core.environment, self.external_ids, self.users, core.settlement, core.registry
        )
        self.identities = ForeignIdentities(
            world.settings, core.environment, self.tokens, self.provisioning, core.registry, core.hub, self.logins
        )
        core.authenticator.foreign = self.identities

    def use(self, *keys: IssuerKey) -> None:
        """Have the world know these keys."""
        self.tokens.use(read_key_set(json.dumps({"keys": [key.jwk for key in keys]}).encode(), strict=True))

    def add(self, user_id: int, external_id: str, **fields: Any) -> None:
        """Add a user to the store alone, as another program does."""
        self.world.users.add(user_id, self.world.time.wall())
        profile = Profile(user_id, fields.pop("username", f"user{user_id}"), None, external_id)
        self.world.users.change(user_id, profile=profile, **fields)
        self.external_ids.rows[external_id] = user_id

    async def _read_keys(self) -> None:
        self.reads += 1
        if self.next_keys:
            self.use(*self.next_keys)
