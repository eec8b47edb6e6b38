"""The board of the past after a server was killed: known up to the last moment that was saved, and not beyond."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.admin.moments import iso
from models.stores import opened_stores
from operation.operator_accounts import ensure_operator
from tests.admin.browser import Browser
from tests.program import MakeProgram, ServerProgram, until
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.any_store, pytest.mark.gen_test(timeout=120)]

PASSWORD = "an operator's password"


async def signed_in(server: ServerProgram, seen: SecretsSeen) -> Browser:
    async with opened_stores(server.settings) as stores:
        await ensure_operator(stores, server.settings, "maya", PASSWORD, "viewer")
    return await Browser(server.api, seen).signed_in("maya", PASSWORD)


async def board(browser: Browser, at: datetime) -> str:
    answer = await browser.get("/admin/board", at=iso(at))
    assert answer.status == 200
    return str(answer.body)


async def recorded(browser: Browser) -> None:
    """Wait until the server that runs has begun to record, which it does soon after it listens."""

    async def knows_the_present() -> bool:
        return states(await board(browser, datetime.now(UTC))) != []

    await until(knows_the_present)


def states(page: str) -> list[str]:
    return re.findall(r'data-user="\d+">\s*<td><span class="state (\w+)"', page)


async def test_a_kill_leaves_a_gap_and_what_was_before_stays_known(
    program: MakeProgram, store: dict[str, Any], secrets_seen: SecretsSeen
) -> None:
    server = program(save_interval_seconds=0.1, **store)
    (person,) = await server.populate(1)
    await server.start()
    assert (await person.post("/users/me/heartbeat")).status == 200
    available = datetime.now(UTC) + timedelta(milliseconds=5)
    await asyncio.sleep(0.1)
    assert (await person.put("/users/me/status", {"is_busy": True})).status == 200
    await asyncio.sleep(1)  # both events are saved, and so is that they are
    server.kill()
    killed = datetime.now(UTC)
    await asyncio.sleep(0.5)
    gone = datetime.now(UTC)
    await server.start()
    browser = await signed_in(server, secrets_seen)
    await recorded(browser)

    assert states(await board(browser, available)) == ["available"]
    assert states(await board(browser, killed - timedelta(seconds=0.8))) == ["busy"]
    page = await board(browser, gone)
    assert "No server was running then" in page
    assert "stopped unexpectedly" in page
    assert states(page) == []
    assert states(await board(browser, datetime.now(UTC))) == ["busy"]

    await server.stop()
    stopped = datetime.now(UTC)
    await server.start()
    await recorded(browser)
    page = await board(browser, stopped)
    assert "No server was running then" in page
    assert "The server stopped at" in page
