"""Repairs: two operators see an issue with its cause, one of them repairs it, and it disappears for both."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable

from playwright.async_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live

SHOWN_SECONDS = 5.0
"""How long it may take until an issue is shown."""

REPAIRED_SECONDS = 5.0


async def see_and_repair(
    visit: Visit, key: str, *, cause: str, effect: str, repair: str, produce: Callable[[], Awaitable[float]]
) -> None:
    """Check an issue with two operators. `produce` causes it, and returns when it began."""
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    since = await produce()
    issue = one.issue(key)
    await expect(issue.locator("[data-f=because]")).to_have_text(re.compile(cause))
    await expect(other.issue(key)).to_be_visible()
    shown_after = time.monotonic() - since
    assert shown_after < SHOWN_SECONDS, f"shown after {shown_after:.1f} s"
    await expect(issue.locator("[data-f=effect]")).to_have_text(re.compile(effect))

    await issue.get_by_role("button", name=repair).click()
    await one.confirm("it looked stuck")
    repaired = time.monotonic()
    await expect(other.issue(key)).to_have_count(0)
    await expect(one.issue(key)).to_have_count(0)
    assert time.monotonic() - repaired < REPAIRED_SECONDS


def named(label: str) -> list[str]:
    """Return names that nobody else has."""
    return [f"{name} {label} {secrets.token_hex(2)}" for name in ("Ada", "Bob", "Cem")]
