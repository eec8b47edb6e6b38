"""The dashboard of one of three servers shows all of them, and acts on all of them."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from models.database import open_database
from models.stores import open_stores
from operation.operator_accounts import ensure_operator
from tests.admin.browser import Browser
from tests.clients import PATIENCE_SECONDS
from tests.cluster.nodes import Nodes
from tests.cluster.test_nodes import until
from tests.program import ServerProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]


async def admin(server: ServerProgram, seen: SecretsSeen) -> tuple[str, str]:
    """Add an admin to the store of a server that is not running. Returns the name and the password."""
    password = f"an admin's password {secrets.token_hex(8)}"
    seen.note(password)
    database = await open_database(server.settings)
    try:
        await ensure_operator(await open_stores(database, server.settings), server.settings, "maya", password, "admin")
    finally:
        await database.close()
    return "maya", password


def cells(page: str, label: str) -> list[str]:
    """Return the texts of a column of a page's tables, without the rows that a script fills."""
    shown = re.sub("<template>.*?</template>", "", page, flags=re.DOTALL)
    found = re.findall(rf'<td data-label="{label}"[^>]*>(.*?)</td>', shown)
    return [re.sub("<[^>]+>", "", each).strip() for each in found]


async def test_an_operator_sees_all_servers_and_disconnects_sockets_on_each(
    make: Callable[..., Nodes], secrets_seen: SecretsSeen, http: AsyncHTTPClient
) -> None:
    nodes = make(lease_seconds=2.5, lease_renew_seconds=0.5)
    ada, grace = await nodes.people(2)
    who = await admin(nodes.servers[0], secrets_seen)
    await nodes.start()
    members = [await nodes.enter(number, ada) for number in (1, 2)]
    stays = await nodes.enter(1, grace)
    browser = await Browser(nodes.servers[0].api, secrets_seen).signed_in(*who)

    async def servers_of(person: Any) -> set[str]:
        return set(cells((await browser.get(f"/admin/users/{person.user_id}")).body, "Server"))

    await until(lambda: has(servers_of(ada), 2))
    fields = {
        "action": "disconnect", "user_id": ada.user_id, "reason": "a test", "request_id": secrets.token_hex(8)
    }  # fmt: skip
    answer = await browser.post("/admin/actions", {name: str(value) for name, value in fields.items()})
    assert answer.status == 303, answer.body
    for member in members:
        await asyncio.wait_for(asyncio.shield(member.ended), PATIENCE_SECONDS)
    assert stays.is_open
    assert await servers_of(ada) == set()

    async def states() -> list[str]:
        return cells((await browser.get("/admin/system")).body, "State")

    await until(lambda: are(states(), ["Live", "Live", "Live"]))
    nodes.servers[2].kill()
    await until(lambda: are(states(), ["Live", "Live", "Lost"]))
    assert cells((await browser.get("/admin/system")).body, "Sockets") == ["0", "1", "0"]


async def has(found: Any, count: int) -> bool:
    """Return whether so many were found."""
    return len(await found) == count


async def are(found: Any, expected: list[str]) -> bool:
    """Return whether these were found."""
    return bool(await found == expected)
