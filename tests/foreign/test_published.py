"""The client published in the API document, unchanged, against the real server."""

from __future__ import annotations

import pytest

from tests.clients import Person
from tests.foreign.published import PublishedClient, in_node
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]


async def test_it_connects_and_gets_its_first_messages_updates_pongs_and_errors(
    program: MakeProgram, published: PublishedClient
) -> None:
    server = program()
    ada, bob = await server.populate(2)
    await server.start()
    async with published(server.port, ada.token) as client:
        await client.next("connect")
        await client.next("log", text="Unknown message type: connection_established")
        own = (await client.next("status", user_id=ada.user_id))["message"]["status"]
        assert own["is_available"] is True

        assert (await bob.post("/users/me/heartbeat")).status == 200
        online = (await client.next("status", user_id=bob.user_id))["message"]["status"]
        assert set(online) == {
            "user_id", "username", "profile_image_url", "is_online", "last_seen", "is_busy", "busy_until",
            "is_available",
        }  # fmt: skip
        assert online["is_available"] is True
        assert (await bob.put("/users/me/status", {"is_busy": True})).status == 200
        busy = (await client.next("status", user_id=bob.user_id))["message"]["status"]
        assert (busy["is_busy"], busy["is_available"]) == (True, False)

        await client.do("feed.ping();")
        pong = (await client.next("pong"))["message"]
        assert pong["timestamp"].endswith("Z")
        await client.do("feed.sendMessage({type: 'subscribe', subscription: 'feed'});")
        await client.next("log", text="Unknown message type: subscription_confirmed")
        await client.do("feed.sendMessage({type: 'nonsense'});")
        error = (await client.next("error"))["message"]
        assert error["code"] == "INVALID_MESSAGE_ERROR"

        await client.do("feed.disconnect();")
        await client.next("disconnect", code=1000)
        await until(lambda: is_offline(bob, ada))


async def test_a_token_that_is_not_valid_is_answered_with_an_error_it_understands(
    program: MakeProgram, published: PublishedClient
) -> None:
    server = program()
    await server.start()
    async with published(server.port, "bad") as client:
        await client.next("error", code="AUTH_ERROR", message="Invalid token")
        await client.next("disconnect", code=4500)


async def test_it_comes_back_after_the_server_was_restarted_or_killed(
    program: MakeProgram, published: PublishedClient
) -> None:
    server = program()
    ada, bob = await server.populate(2)
    await server.start()
    async with published(server.port, ada.token) as client:
        await client.next("connect")
        assert await server.stop() == 0
        await client.next("disconnect", code=1012)
        await server.start()
        await client.next("connect")

        server.kill()
        await client.next("disconnect", code=1006)
        await server.start()
        await client.next("connect")
        await client.next("status", user_id=ada.user_id)
        assert (await bob.post("/users/me/heartbeat")).status == 200
        await client.next("status", user_id=bob.user_id)


async def test_it_comes_back_after_the_server_gave_it_up_for_lost(program: MakeProgram) -> None:
    server = program(ping_interval_seconds=1.0, pong_timeout_seconds=0.5, silent_socket_seconds=1.2)
    (ada,) = await server.populate(1)
    await server.start()
    async with in_node(server.port, ada.token) as client:
        await client.next("connect")
        client.pause()
        await until(lambda: is_given_up(server))
        client.resume()
        await client.next("disconnect", code=4000)
        await client.next("connect")


async def is_offline(asking: Person, person: Person) -> bool:
    return (await asking.get(f"/users/{person.user_id}/presence")).body["is_online"] is False


async def is_given_up(server: ServerProgram) -> bool:
    return 'rollcall_closes_total{code="4000"}' in (await server.api.get("/metrics")).body
