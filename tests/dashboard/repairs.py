"""Repairs: two operators see an issue with its cause, one of them repairs it, and it disappears for both."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable

from playwright.async_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live


async def see_and_repair(
    visit: Visit, key: str, *, cause: str, effect: str, repair: str, produce: Callable[[], Awaitable[None]]
) -> None:
    """Check an issue with two operators. `produce` causes it."""
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    await produce()
    issue = one.issue(key)
    await expect(issue.locator("[data-f=because]")).to_have_text(re.compile(cause))
    await expect(other.issue(key)).to_be_visible()
    await expect(issue.locator("[data-f=effect]")).to_have_text(re.compile(effect))

    await issue.get_by_role("button", name=repair).click()
    await one.confirm("it looked stuck")
    await expect(other.issue(key)).to_have_count(0)
    await expect(one.issue(key)).to_have_count(0)


def named(label: str) -> list[str]:
    """Return names that nobody else has."""
    return [f"{name} {label} {secrets.token_hex(2)}" for name in ("Ada", "Bob", "Cem")]
