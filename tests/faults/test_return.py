"""A thousand users lose their connections, through the network or a restart, and come back."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.crowd import Member, all_ended, answers, enter, enter_all
from tests.clients import Person
from tests.faults.crowd import PACE, SIZE
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120 * PACE)]

LEAVING = 10
"""The number of users who do not come back."""

SCALED: dict[str, Any] = {"grace_seconds": 6 * PACE, "hold_seconds": 10 * PACE}


async def test_users_who_drop_and_return_within_grace_are_not_announced(program: MakeProgram) -> None:
    server = program(**SCALED)
    *people, last, watching = await server.populate(SIZE + 2)
    await server.start()
    crowd, lost = await enter_all(server.port, people), await enter(server.port, last)
    operator_session = await enter(server.port, watching, watches=True)
    await drop_all(server, crowd)
    back = await enter_all(server.port, people)
    assert operator_session.updates == 0

    lost.drop()
    # Deadlines expire in order: when this one has expired, all others have, too.
    await until(lambda: was_told(operator_session, last), seconds=20 * PACE)

    assert [update["user_id"] for update in operator_session.told("user_status_update")[1:]] == [last.user_id]
    assert all(member.is_open and member.updates <= 1 for member in back)
    assert await server.metric("rollcall_false_offlines_total") == 0


@pytest.mark.parametrize("way", ["SIGTERM", "kill -9"])
async def test_after_a_restart_only_who_does_not_return_is_announced_offline_once(
    program: MakeProgram, way: str
) -> None:
    server = program(**SCALED)
    *people, watching = await server.populate(SIZE + 1)
    await server.start()
    crowd = await enter_all(server.port, people)
    await until(lambda: all_is_saved(server))
    await restart(server, way)
    await all_ended(crowd)

    operator_session = await enter(server.port, watching, watches=True)
    returning, leaving = people[LEAVING:], people[:LEAVING]
    back = await enter_all(server.port, returning)
    assert operator_session.updates == 0, "the hold was over before the crowd was back; this machine needs a longer one"
    await until(lambda: all_were_told(operator_session, leaving), seconds=20 * PACE)

    assert await answers(operator_session)
    updates = operator_session.told("user_status_update")[1:]
    assert sorted(update["user_id"] for update in updates) == sorted(person.user_id for person in leaving)
    assert {(update["status"]["is_online"], update["reason"]) for update in updates} == {(False, "timed_out")}
    assert all(member.is_open for member in back)
    stats = (await watching.get("/feed/stats")).body
    assert stats["online"] == len(returning) + 1


async def drop_all(server: ServerProgram, crowd: list[Member]) -> None:
    """Reset every connection, and wait until the server has noticed."""
    before = await server.metric("rollcall_closes_total")

    async def knows() -> bool:
        return await server.metric("rollcall_closes_total") == before + len(crowd)

    for member in crowd:
        member.drop()
    await until(knows)


async def restart(server: ServerProgram, way: str) -> None:
    if way == "SIGTERM":
        assert await server.stop() == 0
    else:
        server.kill()
    await server.start()


async def all_is_saved(server: ServerProgram) -> bool:
    return await server.metric("rollcall_unsaved_users") == 0


async def was_told(operator_session: Member, person: Person) -> bool:
    return bool(operator_session.of(person.user_id))


async def all_were_told(operator_session: Member, people: list[Person]) -> bool:
    return all(operator_session.of(person.user_id) for person in people)
