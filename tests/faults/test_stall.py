"""The server itself is paused for longer than it would wait for any client."""

from __future__ import annotations

import asyncio

import pytest

from chaos.crowd import Member, answers, enter, enter_all
from tests.program import MakeProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

STALL_SECONDS = 3.0


async def test_a_server_that_was_stopped_for_seconds_marks_nobody_dead(program: MakeProgram) -> None:
    server = program(
        ping_interval_seconds=1.5,
        pong_timeout_seconds=1.0,
        silent_socket_seconds=2.0,
        stall_seconds=0.2,
        grace_seconds=1.5,
        heartbeat_interval_seconds=1,
        heartbeat_life_seconds=2.5,
    )
    *people, dropped, beating, watching = await server.populate(53)
    await server.start()
    crowd = await enter_all(server.port, people)
    operator_session = await enter(server.port, watching, watches=True)
    lost = await enter(server.port, dropped)
    await until(lambda: are_pinged([*crowd, operator_session]))
    lost.drop()
    assert (await beating.post("/users/me/heartbeat")).status == 200
    assert await answers(operator_session)
    before = len(operator_session.told("user_status_update"))

    server.pause()
    await asyncio.sleep(STALL_SECONDS)  # the length of the stall matters here
    server.resume()
    back = await enter(server.port, dropped)
    assert (await beating.post("/users/me/heartbeat")).status == 200
    pings = {member: member.pings for member in crowd}
    await until(lambda: are_pinged_again(pings))

    assert all(member.is_open for member in [*crowd, operator_session, back])
    assert [
        update
        for update in operator_session.told("user_status_update")[before:]
        if update["user_id"] != beating.user_id
    ] == []
    assert await server.metric("rollcall_false_offlines_total") == 0


async def are_pinged(members: list[Member]) -> bool:
    return all(member.pings for member in members)


async def are_pinged_again(pings: dict[Member, int]) -> bool:
    return all(member.pings > before + 1 for member, before in pings.items())
