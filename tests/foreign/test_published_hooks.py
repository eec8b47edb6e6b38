"""The two React Native hooks published in the API document, unchanged, against the real server."""

from __future__ import annotations

import pytest

from tests.foreign.published import hooks_in_node
from tests.foreign.test_published import is_offline
from tests.program import MakeProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]


async def test_both_show_connections_updates_and_errors_and_the_feed_comes_back(program: MakeProgram) -> None:
    server = program()
    ada, bob = await server.populate(2)
    await server.start()
    async with hooks_in_node(server.port, ada.token) as app:
        await app.next("feed", isConnected=True, connectionError=None, user_id=ada.user_id)
        await app.next("presence", isConnected=True, user_id=ada.user_id)

        assert (await bob.post("/users/me/heartbeat")).status == 200
        await app.next("feed", user_id=bob.user_id, is_available=True)
        await app.next("presence", user_id=bob.user_id, is_available=True)

        await app.do("feed.ping(); feed.sendMessage({type: 'nonsense'});")
        await app.next("feed", connectionError="Invalid message format")

        assert await server.stop() == 0
        await app.next("feed", isConnected=False)
        await server.start()
        await app.next("feed", isConnected=True, connectionError=None)


async def test_an_app_that_goes_away_is_offline_after_the_grace_period(program: MakeProgram) -> None:
    server = program(grace_seconds=1.0)
    ada, bob = await server.populate(2)
    await server.start()
    async with hooks_in_node(server.port, ada.token) as app:
        await app.next("feed", isConnected=True, user_id=ada.user_id)
        await app.next("presence", isConnected=True, user_id=ada.user_id)
        await app.do("app.unmount();")
        await until(lambda: is_offline(bob, ada))
