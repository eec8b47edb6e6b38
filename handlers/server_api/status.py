"""Statuses: reads and sets a user's status for a backend."""

from __future__ import annotations

from handlers.server_api.base import ServerHandler, needs
from models.status import StatusChange, state_of


class UserStatusHandler(ServerHandler):
    """GET and PUT /server/users/{id}/status"""

    @needs("read")
    async def get(self, user: str) -> None:
        """Answer with the user's status."""
        self.check_key()
        self.answer((await self.user(user)).status)

    @needs("write", "status_set")
    async def put(self, user: str) -> None:
        """Change the user's status, as the user could. It is saved, then announced, then answered."""
        actor = self.check_key().actor
        change = self.read_body(StatusChange)
        entry = await self.user(user, is_enabled=True)
        user_id = entry.profile.user_id
        work = lambda: self.core.presence.change(user_id, change, by=actor, reason="set")  # noqa: E731
        self.answer(await self.change_user(entry, work, state_of))
