import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=12)]


async def test_one(site, visit):
    ada, bob = await site.online("Ada", "Bob")
    page = await visit()
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    await page.screenshot(path="/tmp/rc/browser/smoke.png")


async def test_two(site, visit):
    page = await visit("/admin/users")
    await page.screenshot(path="/tmp/rc/browser/smoke2.png")
