"""Audit log: records in the audit what operators do other than acting on users and calls."""

from __future__ import annotations

import secrets

from models.audit import Audit, AuditEntry
from models.operators import Operator
from models.screens import Screen
from realtime.clock import Clock


class AuditLog:
    """Writes one entry for each event, after it was carried out or refused."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def note(
        self,
        action: str,
        actor: Operator | Screen,
        address: str,
        *,
        target: Operator | Screen | str,
        before: str = "",
        after: str = "",
        reason: str = "",
        outcome: str = "done",
    ) -> None:
        """Write an entry. `target` may be the name of something that was not added. Raises StoreUnavailable."""
        named = ("", target) if isinstance(target, str) else (_id_of(target), target.name)
        entry = AuditEntry(
            entry_id=secrets.token_hex(12),
            at=self._clock.utc(),
            operator=actor.name if isinstance(actor, Operator) else f"screen:{actor.name}",
            action=action,
            target=named[0],
            target_name=named[1],
            before=before,
            after=after,
            reason=reason,
            address=address,
            outcome=outcome,
        )
        await self._audit.begin(entry)


def _id_of(target: Operator | Screen) -> str:
    return f"operator:{target.operator_id}" if isinstance(target, Operator) else f"screen:{target.screen_id}"
