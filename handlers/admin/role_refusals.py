"""Role refusals: records attempts by operators whose role does not allow them."""

from __future__ import annotations

from handlers.admin.base import AdminHandler
from models.errors import Forbidden


class RecordsRoleRefusals(AdminHandler):
    """Base of the handlers whose refused forms belong into the audit log."""

    async def prepare(self) -> None:
        """Record a form of an operator whose role is too low. Raises TooMany, and the same errors as its base."""
        try:
            await super().prepare()
        except Forbidden as error:
            if self.request.method == "POST" and error.code == "ROLE_TOO_LOW":
                await self.record_refusal(error)
            raise

    async def record_refusal(self, error: Forbidden) -> None:
        """Write it to the audit log, within the limit on refused actions. Raises TooMany, StoreUnavailable."""
        raise NotImplementedError
