"""Webhooks on the System page: the layout at any width, what axe finds, and the button that sends one again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from models.webhook_batches import StoredBatch, batch_id
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.test_accessibility import violations
from tests.dashboard.test_layout import faults_at_all_sizes
from tests.receiver import Receiver, new_secret

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def until_left(page: Page, count: int) -> None:
    """Reload until so many are set aside. The store is told a moment after the receiver has answered."""
    async with asyncio.timeout(10):
        rows = page.get_by_role("table", name="Webhooks that were set aside").locator("tbody tr")
        while await rows.count() != count:
            await page.reload()


async def test_an_admin_sends_again_what_was_set_aside(make_site: MakeSite, visit: Visit) -> None:
    receiver = Receiver(new_secret())
    site = make_site(webhook_url=receiver.url, webhook_secret=receiver.secret)
    async with site.stores() as stores:
        for number in range(3):
            stored = StoredBatch(
                batch_id=batch_id(1, number), webhook_id=f"msg_{'x' * 24}{number}", told="", count=100, at=NOON,
                body='{"type":"events","events":[]}',
            )  # fmt: skip
            await stores.webhook_batches.set_aside(stored, NOON, "TLS: unable to get local issuer certificate")
    await site.start()
    page = await visit("/admin/system", "admin", at=site)
    section = page.locator("section", has=page.get_by_role("heading", name="Webhooks"))
    assert await violations(page) == []
    assert await faults_at_all_sizes(page) == []
    await receiver.start()
    await section.get_by_role("button", name=f"Send msg_{'x' * 24}1 again").click()
    await expect(page.get_by_text("Webhooks that were set aside are sent again now")).to_be_visible()
    await receiver.until(lambda: receiver.received)
    assert [each.id for each in receiver.received] == [f"msg_{'x' * 24}1"]
    await until_left(page, 2)
    await page.get_by_role("button", name="Send all 2 webhooks again").click()
    await receiver.until(lambda: len(receiver.received) == 3)
    await until_left(page, 0)
    await expect(section.get_by_text("Set aside")).to_be_visible()
    await expect(section.get_by_role("button")).to_have_count(0)
    await receiver.stop()
