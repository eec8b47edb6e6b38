"""Webhooks on the System page: what waits, what was set aside, and sending it again."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest

from models.webhook_batches import StoredBatch, batch_id
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.receiver import SECRET, Receiver
from tests.running import RunningServer

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ON = {"webhook_url": "http://ada:pass-of-the-url@127.0.0.1:9/", "webhook_secret": SECRET}


def text(page: str) -> str:
    """Return the text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


pytestmark = [pytest.mark.gen_test, pytest.mark.settings(**ON)]


def batch(number: int) -> StoredBatch:
    return StoredBatch(
        batch_id=batch_id(1, number), webhook_id=f"msg_{number}", body='{"type":"events","events":[]}', told="",
        count=number, at=NOON,
    )  # fmt: skip


@pytest.mark.settings(webhook_url="", webhook_secret="")
async def test_the_page_says_nothing_of_webhooks_while_they_are_off(signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    assert 'id="webhooks"' not in (await browser.get("/admin/system")).body
    assert (await browser.post("/admin/webhooks", {"webhook": "all"})).status == 404


async def test_the_page_lists_what_was_set_aside_with_the_failure(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    page = text((await browser.get("/admin/system")).body)
    assert "Set aside 0 webhooks" in page
    assert "Send all" not in page
    for number in (1, 2):
        await server.stores.webhook_batches.set_aside(batch(number), NOON, "HTTP 503 <b>")
    body = (await browser.get("/admin/system")).body
    assert "Set aside 2 webhooks" in text(body)
    assert text(body).index("msg_2") < text(body).index("msg_1")
    assert "HTTP 503 &lt;b&gt;" in body
    assert "Send all 2 webhooks again" in text(body)
    assert SECRET not in body
    assert "pass-of-the-url" not in body


async def test_the_page_says_since_when_the_receiver_fails(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    browser = await signed_in("admin")
    await user("ada")
    page = ""
    while "failing since" not in page:
        page = text((await browser.get("/admin/system")).body)
    assert "Connection refused" in page
    assert "Waiting 1 webhook " in page


async def test_an_admin_has_one_or_all_sent_again_and_the_audit_has_it(
    server: RunningServer, signed_in: SignedIn
) -> None:
    browser = await signed_in("admin")
    batches = server.stores.webhook_batches
    for number in (1, 2, 3):
        await batches.set_aside(batch(number), NOON, "HTTP 503")
    server.server._webhooks._delivery.step = _never  # type: ignore[union-attr,method-assign]
    answer = await browser.post("/admin/webhooks", {"webhook": batch_id(1, 2)})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/system#webhooks")
    found, _ = await batches.list_set_aside(10)
    assert [each.again for each in found] == [False, True, False]
    assert "being sent" in (await browser.get("/admin/system")).body
    await browser.post("/admin/webhooks", {"webhook": "all"})
    found, _ = await batches.list_set_aside(10)
    assert [each.again for each in found] == [True] * 3
    entries, _ = await server.stores.audit.page(action="webhook_again", skip=0, limit=10)
    assert [entry.target_name for entry in entries] == ["3 webhooks", f"webhook {batch_id(1, 2)}"]
    assert {entry.outcome for entry in entries} == {"done"}
    assert "Send webhooks again" in (await browser.get("/admin/audit")).body


async def test_a_webhook_that_is_not_there_is_not_found(signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    for wanted in ("", "all", "0000000001-000000000009", '{"$gt": ""}'):
        assert (await browser.post("/admin/webhooks", {"webhook": wanted})).status == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_others_than_admins_may_not(server: RunningServer, signed_in: SignedIn, role: str) -> None:
    await server.stores.webhook_batches.set_aside(batch(1), NOON, "HTTP 503")
    browser = await signed_in(role)
    assert (await browser.post("/admin/webhooks", {"webhook": "all"})).status == 403
    assert (await server.stores.webhook_batches.list_set_aside(1))[0][0].again is False


async def test_what_is_sent_again_arrives_and_is_gone_from_the_page(server: RunningServer, signed_in: SignedIn) -> None:
    receiver = Receiver()
    await receiver.start()
    await server.restart(webhook_url=receiver.url)
    await server.stores.webhook_batches.set_aside(batch(1), NOON, "HTTP 503")
    browser = await signed_in("admin")
    await browser.post("/admin/webhooks", {"webhook": "all"})
    await receiver.until(lambda: receiver.received)
    assert [each.id for each in receiver.received] == ["msg_1"]
    while await server.stores.webhook_batches.count_set_aside():
        await asyncio.sleep(0.01)
    assert "Set aside 0 webhooks" in text((await browser.get("/admin/system")).body)
    await receiver.stop()


async def _never() -> bool:
    return False
