"""Diary: what operators do besides acting on users, written to the audit."""

from __future__ import annotations

import secrets

from models.audit import Audit, AuditEntry
from models.operators import Operator
from realtime.clock import Clock


class AuditLog:
    """One entry for each, written when it is done or refused."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def note(
        self,
        action: str,
        operator: Operator,
        address: str,
        *,
        target: Operator | str,
        before: str = "",
        after: str = "",
        reason: str = "",
        outcome: str = "done",
    ) -> None:
        """Write it down. `target` is an operator, or the name of one that came to nothing. Raises StoreUnavailable."""
        named = ("", target) if isinstance(target, str) else (f"operator:{target.operator_id}", target.name)
        entry = AuditEntry(
            entry_id=secrets.token_hex(12),
            at=self._clock.utc(),
            operator=operator.name,
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
