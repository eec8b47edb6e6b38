"""Two hundred clients lose their server to a restart and come back. The figures are in benchmarks/comeback.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.network.driven import Driven, everyone, in_node
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=240)]

USERS = 50
SOCKETS_PER_USER = 4

SCALED: dict[str, Any] = {
    "grace_seconds": 5.0,
    "hold_seconds": 20.0,  # longer than a client's sixth wait, at most 16 s, so every client has tried by then
    "reconnect_spread_seconds": 2.0,
    "drain_seconds": 2.0,
}


@pytest.mark.parametrize("way", ["SIGTERM", "kill -9"])
async def test_all_come_back_with_the_right_picture_and_only_who_stays_away_is_announced(
    program: MakeProgram, way: str
) -> None:
    server = program(**SCALED)
    *users, leaver, mover = await server.populate(USERS + 2)
    await server.start()
    tokens = [person.token for person in users] * SOCKETS_PER_USER
    async with in_node(f"http://localhost:{server.port}", [*tokens, leaver.token], scale=1) as driven:

        async def are_right(count: int) -> bool:
            return await driven.live() == count and await driven.wrong(await everyone(mover)) == 0

        await driven.connect()
        await until(lambda: are_right(len(tokens) + 1))
        await until(lambda: _is_saved(server))
        await driven.ask("driven.changes.length = 0")

        if way == "SIGTERM":
            assert await server.stop() == 0
        else:
            server.kill()
        await driven.ask(f"driven.clients[{len(tokens)}].close()")
        await server.start()
        assert (await mover.put("/users/me/status", {"is_busy": True})).status == 200
        await until(lambda: are_right(len(tokens)), seconds=60)

        await until(lambda: _is_told(driven, leaver.user_id, len(tokens)), seconds=60)
        told = await driven.ask("[...new Set(driven.changes.map(({ userId }) => userId))]")
        assert sorted(told) == sorted([leaver.user_id, mover.user_id])
        assert await are_right(len(tokens))


async def _is_saved(server: ServerProgram) -> bool:
    return await server.metric("rollcall_unsaved_users") == 0


async def _is_told(driven: Driven, user_id: int, count: int) -> bool:
    """Return whether all were told that the user timed out when the hold was over."""
    ends = f"driven.changes.filter((each) => each.userId === {user_id} && each.reason === 'timed_out')"
    told: int = await driven.ask(f"{ends}.length")
    return told == count
