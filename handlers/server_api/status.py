"""Statuses: reads and sets a user's status for a backend."""

from __future__ import annotations

from handlers.server_api.base import ServerHandler, demand_enabled, needs
from models.status import Status, StatusChange, state_of


class UserStatusHandler(ServerHandler):
    """GET and PUT /server/users/{id}/status"""

    @needs("read")
    async def get(self, user: str) -> None:
        """Answer with the user's status."""
        self.check_key()
        self.answer((await self.user(user)).status)

    @needs("write", "set_status")
    async def put(self, user: str) -> None:
        """Change the user's status, as the user could. It is saved, then announced, then answered."""
        actor = self.check_key().actor
        change = self.read_body(StatusChange)
        entry = await self.user(user)

        async def set_status() -> Status:
            return await self.core.presence.change(demand_enabled(entry), change, by=actor, reason="set")

        self.answer(await self.change_user(entry, set_status, state_of))
