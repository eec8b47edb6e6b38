"""How `watch` reconnects: it resumes, obeys the server's delay, and stays away when told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from operation.address import Address
from operation.cli.feed_client import BACKOFF_LIMIT_SECONDS, FeedClient, Received, TurnedAway
from realtime.protocol import CloseCode, ConnectionEstablished, ServerDraining, Snapshot, UserStatusUpdate
from tests.clients import Backend, Person
from tests.conftest import MakeBackend, MakePerson
from tests.program import until
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


T = TypeVar("T")


class RecordedClient:
    """A feed client, the messages it received, and its pauses."""

    def __init__(self, server: RunningServer, person: Person | Backend) -> None:
        self.heard: list[Received] = []
        self.said: list[str] = []
        self.pauses: list[float] = []
        self._server = server
        self.feed_client = FeedClient(
            Address(server.address, is_secure=False),
            "feed",
            person.token,
            self.heard.append,
            self.said.append,
            jitter=lambda: 0.999,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[asyncio.Task[None]]:
        """Follow the feed in a task, and wait for the first snapshot."""
        task = asyncio.create_task(self.feed_client.follow())
        await self.until(Snapshot)
        yield task
        task.cancel()
        self.feed_client.close()
        await asyncio.gather(task, return_exceptions=True)

    async def until(self, kind: type[Any], times: int = 1) -> None:
        async def have() -> bool:
            return len(self.of(kind)) >= times

        await until(have)

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.heard if isinstance(message, kind)]

    def close_from_server(self, code: CloseCode) -> None:
        for session in self._server.core.hub:
            session.close(code, "a test")


async def test_with_a_service_key_the_first_update_is_somebody_elses_and_counts(
    server: RunningServer, user: MakePerson, backend: MakeBackend
) -> None:
    bob = await user("bob")
    client = RecordedClient(server, await backend("read"))
    async with client.following():
        await server.core.presence.heartbeat(bob.user_id)
        await until_told_of(client, bob)
        client.close_from_server(CloseCode.UNRESPONSIVE)
        await client.until(ConnectionEstablished, 2)
    assert [(each.user_id, each.resumed) for each in client.of(ConnectionEstablished)] == [(None, False), (None, True)]
    assert len(client.of(UserStatusUpdate)) == 1, "the one update is not repeated after the resume"


async def test_a_lost_connection_is_resumed_without_a_snapshot(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    client = RecordedClient(server, ada)
    async with client.following():
        client.close_from_server(CloseCode.UNRESPONSIVE)
        await server.core.presence.heartbeat(bob.user_id)
        await client.until(ConnectionEstablished, 2)
        await until_told_of(client, bob)
    assert [each.resumed for each in client.of(ConnectionEstablished)] == [False, True]
    assert len(client.of(Snapshot)) == 1
    assert len([each for each in client.of(UserStatusUpdate) if each.user_id == bob.user_id]) == 1


async def until_told_of(client: RecordedClient, person: Person) -> None:
    async def told() -> bool:
        return any(each.user_id == person.user_id for each in client.of(UserStatusUpdate))

    await until(told)


async def test_a_draining_server_says_when_to_come_back(server: RunningServer, user: MakePerson) -> None:
    client = RecordedClient(server, await user("ada"))
    async with client.following():
        for session in server.core.hub:
            session.push(ServerDraining(reconnect_after_ms=1234))
        client.close_from_server(CloseCode.RESTART)
        await client.until(ConnectionEstablished, 2)
    assert client.pauses[0] == 1.234


@pytest.mark.parametrize("code", [CloseCode.REVOKED, CloseCode.PROTOCOL_VIOLATION, CloseCode.TOKEN_EXPIRED])
async def test_a_code_that_says_stay_away_is_obeyed(server: RunningServer, user: MakePerson, code: CloseCode) -> None:
    client = RecordedClient(server, await user("ada"))
    async with client.following() as task:
        client.close_from_server(code)
        with pytest.raises(TurnedAway, match=str(int(code))):
            await task


async def test_a_server_that_is_gone_is_tried_again_ever_more_slowly(server: RunningServer, user: MakePerson) -> None:
    client = RecordedClient(server, await user("ada"))
    async with client.following():
        await server.stop()

        async def tried() -> bool:
            return len(client.pauses) > 10

        await until(tried)
        assert client.pauses[2:6] == sorted(client.pauses[2:6])
        assert BACKOFF_LIMIT_SECONDS * 0.9 < client.pauses[-1] < BACKOFF_LIMIT_SECONDS
    assert "retrying" in client.said[-1]
