"""The server is killed while it deletes a user, who then is there, or is gone without a trace."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from tests.clients import Answer, Person
from tests.program import MakeProgram, ServerProgram, until

ROUNDS = 5

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60 + 12 * ROUNDS)]

PASSWORD = "x" * 16
QUICK: dict[str, Any] = {"inspect_interval_seconds": 21, "grace_seconds": 2, "hold_seconds": 3}


async def test_a_deletion_that_kill_9_interrupts_is_done_or_not_and_never_half(
    program: MakeProgram, store: dict[str, Any]
) -> None:
    server = program(**QUICK, **store)
    (bob,) = await server.populate(1)
    await server.start()
    for number in range(ROUNDS):
        ada = await registered(server, f"ada{number}")
        for person in (ada, bob):
            await person.post("/users/me/heartbeat")
        call = await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
        assert call.status == 200, call.body
        deletion = asyncio.ensure_future(ada.request("DELETE", "/users/me", f'{{"password": "{PASSWORD}"}}'))
        await asyncio.sleep(random.uniform(0.0, 0.12))
        server.kill()
        is_acknowledged = await was_answered(deletion)
        await server.start()
        await bob.post("/users/me/heartbeat")
        if (await bob.get(f"/users/{ada.user_id}/presence")).status == 200:
            assert not is_acknowledged
            assert (await ada.get("/users/me")).status == 200
            assert (await ada.request("DELETE", "/users/me", f'{{"password": "{PASSWORD}"}}')).status == 204
        await gone_without_a_trace(server, ada, bob)


async def registered(server: ServerProgram, username: str) -> Person:
    """Register a user."""
    answer = await server.api.post("/auth/register", {"username": username, "password": PASSWORD})
    assert answer.status == 201, answer.body
    return Person(server.api, answer.body["user_id"], username, answer.body["access_token"])


async def was_answered(deletion: asyncio.Future[Answer]) -> bool:
    """Return whether the server has confirmed the deletion before it was killed."""
    try:
        return (await deletion).status == 204
    except (OSError, HTTPClientError):
        return False


async def gone_without_a_trace(server: ServerProgram, ada: Person, bob: Person) -> None:
    """Check that nobody can use the account, that its name is free, and that the partner is free, too."""

    async def is_free() -> bool:
        return not (await bob.get("/users/me/status")).body["is_busy"]

    await until(is_free)
    assert (await ada.get("/users/me")).status == 401
    login = await server.api.post("/auth/login", {"username": ada.username, "password": PASSWORD})
    assert login.status == 401
    assert (await bob.get("/calls/ongoing")).body["items"] == []
    last = (await bob.get("/calls/history")).body["items"][0]
    assert (last["caller_id"], last["status"]) == (ada.user_id, "dropped")
    again = await registered(server, ada.username)
    assert again.user_id > ada.user_id
