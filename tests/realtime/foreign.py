"""Foreign: another issuer beside a world, whose tokens the world accepts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast

from models.foreign_tokens import ForeignTokens
from models.key_set import read_key_set
from models.status import Profile
from models.users import Users
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
        self.logins = FakeLogins()
        self.reads = 0
        """How often the keys were read again."""
        self.next_keys: list[IssuerKey] = []
        """The keys that are read then."""
        self.tokens = ForeignTokens(world.settings, now=world.time.unix)
        self.tokens.read_keys = self._read_keys
        self.use(self.issuer.key())
        core, users = world.core, cast("Users", world.users)
        self.provisioning = Provisioning(
            world.settings,
            core.environment,
            core.membership,
            users,
            core.settlement,
            core.registry,
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
        self.world.external_ids.rows[external_id] = user_id

    async def _read_keys(self) -> None:
        self.reads += 1
        if self.next_keys:
            self.use(*self.next_keys)
