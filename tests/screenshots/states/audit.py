"""Audit: the log of what operators and backends did, with its filters and ranges."""

from __future__ import annotations

from tests.screenshots.state import Scene, plain, state
from tests.screenshots.states.calls import NO_SCRIPTS

plain("audit_all", "/admin/audit", place="history", height=5000)
plain("audit_long_names", "/admin/audit", height=2400)
plain("audit_operator", "/admin/audit?operator=second", place="history")
plain("audit_backend", "/admin/audit?operator=key:crm%20backend", place="history")
plain("audit_action", "/admin/audit?action=sign_out", place="history")
plain("audit_user", "/admin/audit?user={somebody}", place="history")
plain("audit_several_users", "/admin/audit?user=Quist", place="history")
plain("audit_call", "/admin/audit?target=call:{by_operator}&action=end_call", place="history")
plain("audit_range", "/admin/audit?range=day", place="history", role="viewer")
plain("audit_around_a_moment", "/admin/audit?at={yesterday}#moment", place="history")
plain("audit_oldest_first", "/admin/audit?sort=-time&page=2", place="history")
plain("audit_none_match", "/admin/audit?action=screen_revoke&operator=admin", place="history")
plain("audit_wrong_zone", "/admin/audit?from=2026-11-01&zone=Berlin", place="history")
plain("audit_nobody", "/admin/audit", place="nobody", role="viewer")
plain("audit_no_javascript", "/admin/audit?range=week", place="history", options=NO_SCRIPTS)


@state("audit_views", "/admin/audit?operator=second", place="history")
async def show_views(scene: Scene) -> None:
    """The menu “Views” is open."""
    await scene.page.get_by_role("button", name="Views").click()
