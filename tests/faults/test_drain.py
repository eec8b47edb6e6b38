"""The server is asked to stop while a thousand sockets are open and requests are in progress."""

from __future__ import annotations

import asyncio

import pytest

from chaos.crowd import all_ended, enter, enter_all
from tests.faults.crowd import PACE, SIZE
from tests.program import MakeProgram

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120 * PACE)]

REQUESTS = 14
"""Passwords are hashed two at a time, so the last requests are in progress long after the first response."""


async def test_sigterm_tells_each_socket_its_own_delay_finishes_requests_and_exits_0(program: MakeProgram) -> None:
    # On a busy machine, the hashes may take longer than the time that a shutdown has by default.
    server = program(argon2_passes=1, argon2_memory_kib=64 * 1024, exit_seconds=30.0)
    *people, watching = await server.populate(SIZE + 1)
    await server.start()
    crowd = await enter_all(server.port, people)
    operator_session = await enter(server.port, watching, watches=True)
    everyone = [*crowd, operator_session]
    under_way = [
        asyncio.create_task(server.api.post("/auth/register", {"username": f"new-{number}", "password": "x" * 16}))
        for number in range(REQUESTS)
    ]
    # The server hashes two at a time, in order, so the first finished registration shows that it has read all.
    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    assert not under_way[-1].done()

    server.terminate()
    status = await server.ended()
    await all_ended(everyone)

    assert status == 0
    assert [(await task).status for task in under_way] == [201] * REQUESTS
    drainings = [member.told("server_draining") for member in everyone]
    assert {len(told) for told in drainings} == {1}
    delays = [told[0]["reconnect_after_ms"] for told in drainings]
    assert len(set(delays)) == len(delays)
    assert {member.close_code for member in everyone} == {1012}
    reasons = {update["reason"] for update in operator_session.told("user_status_update")}
    assert reasons <= {"connected", "set"}, "somebody was announced offline"
    assert all(member.messages[-1]["type"] == "server_draining" for member in everyone)
