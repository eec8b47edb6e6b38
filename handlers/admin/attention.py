"""Attention: an operator says that they deal with an issue, for some minutes, or takes that back."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from handlers.admin.base import AdminContext, allows
from handlers.admin.formatting import on_it
from handlers.admin.role_refusals import RecordsRoleRefusals
from models.audit import Audit, AuditEntry
from models.direction import in_sentence, plain
from models.errors import Conflict, Invalid, NotFound, RequestError, StoreUnavailable
from realtime.dashboard.acknowledgements import Acknowledgements
from realtime.dashboard.open_issues import OpenIssues
from realtime.dashboard.rows import ISSUE_LABELS, Issue
from realtime.limits import Limit

MINUTES = (5, 10, 30, 60)
"""For how long an operator can acknowledge an issue."""

KEY_LIMIT = 100
"""Characters. No key of an issue is longer."""


class AttentionHandler(RecordsRoleRefusals):
    """POST /admin/attention"""

    def initialize(
        self,
        admin: AdminContext,
        open_issues: OpenIssues,
        acknowledgements: Acknowledgements,
        audit: Audit,
        refused_actions: Limit,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.open_issues = open_issues
        self.acknowledgements = acknowledgements
        self.audit = audit
        self.refused_actions = refused_actions

    @allows("operator")
    async def post(self) -> None:
        """Acknowledge an issue for some minutes, or take that back. Raises Invalid, NotFound, Conflict, TooMany."""
        try:
            message = await (self._take_back() if self._takes_back else self._acknowledge(self._minutes()))
        except (NotFound, Conflict) as error:
            await self.record_refusal(error)
            if self.wants_json:
                raise
            self.go(self.next_page(), error.message, is_refusal=True)
            return
        if self.wants_json:
            self.answer({"message": message})
        else:
            self.go(self.next_page(), message)

    async def _acknowledge(self, minutes: int) -> str:
        issue = self._issue()
        after = f"{plain(in_sentence(self.operator.name))} is on it, {minutes} min"
        async with self._recorded("acknowledge", issue, after):
            await self.acknowledgements.add(self.open_issues.keys(issue), self.operator.name, 60 * minutes)
        return f"You are on it for {minutes} min: {in_sentence(issue.username)}."

    async def _take_back(self) -> str:
        issue = self._issue()
        if issue.acknowledged is None:
            raise Conflict("NOTHING_TO_DO", "Nobody is on it.")
        async with self._recorded("take_back", issue, "nobody is on it"):
            await self.acknowledgements.take_back(self.open_issues.keys(issue))
        return f"Nobody is on it any more: {in_sentence(issue.username)}."

    @property
    def _takes_back(self) -> bool:
        return bool(self.get_body_argument("take_back", ""))

    @property
    def _key(self) -> str:
        return self.get_body_argument("issue", "")[:KEY_LIMIT]

    def _minutes(self) -> int:
        given = self.get_body_argument("minutes", "")
        if given not in map(str, MINUTES):
            raise Invalid(f"The field minutes must be one of {', '.join(map(str, MINUTES))}.")
        return int(given)

    def _issue(self) -> Issue:
        issue = self.open_issues.find(self._key)
        if issue is None:
            raise NotFound("This issue has ended.")
        return issue

    @asynccontextmanager
    async def _recorded(self, action: str, issue: Issue, after: str) -> AsyncIterator[None]:
        """Record the change in the audit, before and after it is made. Raises StoreUnavailable."""
        entry = self._entry(action, issue, "started")
        await self.audit.begin(entry)
        try:
            yield
        except StoreUnavailable:
            with suppress(StoreUnavailable):  # then the entry says that the outcome is unknown
                await self.audit.finish(entry.entry_id, outcome="refused: STORE_UNAVAILABLE", after=entry.before)
            raise
        await self.audit.finish(entry.entry_id, outcome="done", after=after)

    async def record_refusal(self, error: RequestError) -> None:
        """Write an entry. Raises TooMany, StoreUnavailable."""
        self.refused_actions.take(self.operator.operator_id)
        action = "take_back" if self._takes_back else "acknowledge"
        await self.audit.begin(self._entry(action, self.open_issues.find(self._key), f"refused: {error.code}"))

    def _entry(self, action: str, issue: Issue | None, outcome: str) -> AuditEntry:
        acknowledged = issue.acknowledged if issue else None
        return AuditEntry(
            entry_id=secrets.token_hex(12),
            at=self.admin.clock.utc(),
            operator=self.operator.name,
            action=action,
            target=_target(issue) if issue else "",
            target_name=plain(issue.username) if issue else self._key,
            before=plain(on_it(acknowledged, self.now_ms)) if acknowledged else "nobody is on it" if issue else "",
            after="",
            reason=ISSUE_LABELS[issue.kind] if issue else "",
            address=self.address,
            outcome=outcome,
        )


def _target(issue: Issue) -> str:
    return f"user:{issue.user_id}" if issue.user_id else f"call:{issue.call_id}"
