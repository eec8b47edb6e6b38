"""The Audit page shows what backends did, by the names of their service keys."""

from __future__ import annotations

import pytest

from handlers.admin.history import AUDIT_LABELS
from handlers.server_api.base import ServerHandler
from handlers.server_api.calls import ServerCallsHandler
from tests.admin.conftest import SignedIn, browser, new_browser, operator, signed_in
from tests.conftest import MakeBackend, MakePerson

__all__ = ["browser", "new_browser", "operator", "signed_in"]

pytestmark = pytest.mark.any_store


@pytest.mark.gen_test
async def test_an_operator_sees_and_filters_what_a_backend_did(
    user: MakePerson, backend: MakeBackend, signed_in: SignedIn
) -> None:
    ada, key, other = await user("ada"), await backend("admin", "billing <b>"), await backend("write", "other")
    await key.put(f"/server/users/{ada.user_id}/status", {"is_busy": True})
    await key.post(f"/server/users/{ada.user_id}/disconnect")
    await other.post(f"/server/users/{ada.user_id}/token")
    await other.post(f"/server/users/{ada.user_id}/disable")
    page = (await (viewer := await signed_in("viewer")).get("/admin/audit")).body
    for shown in ("key:billing &lt;b&gt;", "Set status", "Disconnect", "key:other", "Issue tokens", "Disable user"):
        assert shown in page
    assert "refused: not allowed" in page
    assert '<option value="key:other">' in page
    filtered = (await viewer.get("/admin/audit?operator=key%3Aother&action=issue_tokens")).body
    rows = filtered.partition("<tbody")[2]
    assert "<bdi>key:other</bdi>" in rows
    assert "Issue tokens" in rows
    assert "Set status" not in rows
    csv = (await viewer.get("/admin/audit.csv?operator=key%3Aother")).body
    assert len(csv.splitlines()) == 3


def test_everything_that_a_backend_does_has_a_label() -> None:
    handlers = [each for base in (ServerHandler, ServerCallsHandler) for each in base.__subclasses__()]
    actions = {
        verb.needed[1]
        for handler in handlers
        for name in ("get", "put", "post", "patch", "delete")
        if hasattr(verb := getattr(handler, name), "needed")
    }
    assert {"put_users", "delete_user", "start_call"} < actions
    assert actions - {""} <= AUDIT_LABELS.keys()
