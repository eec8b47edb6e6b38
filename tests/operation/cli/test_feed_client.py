"""How `watch` comes back: it resumes, obeys the server's delay, and stays away when told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from operation.address import Address
from operation.cli.feed_client import BACKOFF_LIMIT_SECONDS, FeedClient, Heard, TurnedAway
from realtime.protocol import CloseCode, ConnectionEstablished, ServerDraining, Snapshot, UserStatusUpdate
from tests.clients import Person
from tests.conftest import MakePerson
from tests.program import until
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


T = TypeVar("T")


class OperatorSession:
    """A follower, what it heard, and how long it slept."""

    def __init__(self, server: RunningServer, person: Person) -> None:
        self.heard: list[Heard] = []
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
        """While it follows; at first until the whole picture is there."""
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


async def test_a_lost_connection_is_resumed_without_a_snapshot(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    operator_session = OperatorSession(server, ada)
    async with operator_session.following():
        operator_session.close_from_server(CloseCode.UNRESPONSIVE)
        server.core.presence.heartbeat(bob.user_id, over_socket=False)
        await operator_session.until(ConnectionEstablished, 2)
        await until_told_of(operator_session, bob)
    assert [each.resumed for each in operator_session.of(ConnectionEstablished)] == [False, True]
    assert len(operator_session.of(Snapshot)) == 1
    assert len([each for each in operator_session.of(UserStatusUpdate) if each.user_id == bob.user_id]) == 1


async def until_told_of(operator_session: OperatorSession, person: Person) -> None:
    async def told() -> bool:
        return any(each.user_id == person.user_id for each in operator_session.of(UserStatusUpdate))

    await until(told)


async def test_a_draining_server_says_when_to_come_back(server: RunningServer, user: MakePerson) -> None:
    operator_session = OperatorSession(server, await user("ada"))
    async with operator_session.following():
        for session in server.core.hub:
            session.push(ServerDraining(reconnect_after_ms=1234))
        operator_session.close_from_server(CloseCode.RESTART)
        await operator_session.until(ConnectionEstablished, 2)
    assert operator_session.pauses[0] == 1.234


@pytest.mark.parametrize("code", [CloseCode.REVOKED, CloseCode.PROTOCOL_VIOLATION, CloseCode.TOKEN_EXPIRED])
async def test_a_code_that_says_stay_away_is_obeyed(server: RunningServer, user: MakePerson, code: CloseCode) -> None:
    operator_session = OperatorSession(server, await user("ada"))
    async with operator_session.following() as task:
        operator_session.close_from_server(code)
        with pytest.raises(TurnedAway, match=str(int(code))):
            await task


async def test_a_server_that_is_gone_is_tried_again_ever_more_slowly(server: RunningServer, user: MakePerson) -> None:
    operator_session = OperatorSession(server, await user("ada"))
    async with operator_session.following():
        await server.stop()

        async def tried() -> bool:
            return len(operator_session.pauses) > 10

        await until(tried)
        assert operator_session.pauses[2:6] == sorted(operator_session.pauses[2:6])
        assert BACKOFF_LIMIT_SECONDS * 0.9 < operator_session.pauses[-1] < BACKOFF_LIMIT_SECONDS
    assert "trying again" in operator_session.said[-1]
