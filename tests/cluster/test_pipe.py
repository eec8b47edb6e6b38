"""One connection: replies reach their callers, and a lost connection tells them all."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ResponseError

from models.redis.pipe import CHECKS, Pipe
from models.shared_log import NotSent, OutcomeUnknown

pytestmark = pytest.mark.gen_test(timeout=30)


class ScriptedConnection:
    """A connection whose replies come from the test."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_aborted = False
        self._replies: asyncio.Queue[Any] = asyncio.Queue()

    def pack_command(self, *command: bytes) -> list[bytes]:
        return [b" ".join(command) + b";"]

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def read_response(self, *, disconnect_on_error: bool) -> Any:
        assert not disconnect_on_error, "an error reply does not end the connection"
        reply = await self._replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def abort(self) -> None:
        self.is_aborted = True
        self.answer(LostConnection())

    def answer(self, *replies: Any) -> None:
        """Answer the next commands."""
        for reply in replies:
            self._replies.put_nowait(reply)


class Asked:
    """A pipe over a scripted connection."""

    def __init__(self) -> None:
        self.connection = ScriptedConnection()
        self.closed = 0
        self.pipe = Pipe(cast("Any", self.connection), 100.0, self._count_close)

    def _count_close(self) -> None:
        self.closed += 1

    def check(self, times: int) -> None:
        """Let the timer go off."""
        for _ in range(times):
            self.pipe._check()

    async def settle(self) -> None:
        """Let everything happen that waits for nothing."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Close the pipe."""
        self.pipe.close()
        await self.pipe.wait_closed()


async def test_replies_are_given_out_in_the_order_of_the_commands() -> None:
    asked = Asked()
    calls = [asked.pipe.call(b"ECHO", b"%d" % number) for number in range(3)]
    await asked.settle()
    asked.connection.answer(b"0", b"1", b"2")
    assert await asyncio.gather(*calls) == [b"0", b"1", b"2"]
    await asked.end()


async def test_commands_of_one_turn_are_sent_together() -> None:
    asked = Asked()
    calls = [asked.pipe.call(b"A"), asked.pipe.call(b"B", b"c")]
    await asked.settle()
    calls.append(asked.pipe.call(b"D"))
    await asked.settle()
    assert asked.connection.written == [b"A;B c;", b"D;"]
    await asked.end()
    assert all(isinstance(call.exception(), OutcomeUnknown) for call in calls)


async def test_a_cancelled_callers_reply_is_dropped_and_not_given_to_another() -> None:
    asked = Asked()
    given_up, other = asked.pipe.call(b"A"), asked.pipe.call(b"B")
    await asked.settle()
    given_up.cancel()
    asked.connection.answer(b"of A", b"of B")
    assert await other == b"of B"
    assert asked.pipe.is_open
    await asked.end()


async def test_an_error_reply_reaches_its_caller_alone() -> None:
    asked = Asked()
    wrong, right = asked.pipe.call(b"A"), asked.pipe.call(b"B")
    await asked.settle()
    asked.connection.answer(ResponseError("OOM"), b"of B")
    with pytest.raises(ResponseError):
        await wrong
    assert await right == b"of B"
    await asked.end()


async def test_silence_ends_the_connection_and_tells_everyone_who_waits() -> None:
    asked = Asked()
    sent = [asked.pipe.call(b"A"), asked.pipe.call(b"B")]
    await asked.settle()
    unsent = asked.pipe.call(b"C")
    asked.check(CHECKS - 1)
    assert asked.pipe.is_open
    asked.check(1)
    assert not asked.pipe.is_open
    assert asked.connection.is_aborted
    for call in sent:
        with pytest.raises(OutcomeUnknown):
            await call
    with pytest.raises(NotSent):
        await unsent
    assert asked.closed == 1
    await asked.end()
    assert asked.connection.written == [b"A;B;"]


async def test_a_pipe_that_is_answered_now_and_then_stays_open() -> None:
    asked = Asked()
    calls = [asked.pipe.call(b"A"), asked.pipe.call(b"B")]
    await asked.settle()
    asked.check(CHECKS - 1)
    asked.connection.answer(b"of A")
    await asked.settle()
    asked.check(CHECKS - 1)
    assert asked.pipe.is_open
    await asked.end()
    assert calls[0].result() == b"of A"
    assert isinstance(calls[1].exception(), OutcomeUnknown)


async def test_a_pipe_without_commands_is_not_silent() -> None:
    asked = Asked()
    asked.check(CHECKS * 2)
    assert asked.pipe.is_open
    await asked.end()


async def test_a_lost_connection_tells_everyone_who_waits() -> None:
    asked = Asked()
    call = asked.pipe.call(b"A")
    await asked.settle()
    asked.connection.answer(LostConnection())
    with pytest.raises(OutcomeUnknown):
        await call
    assert asked.closed == 1
    await asked.end()


async def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    asked = Asked()
    asked.connection.answer(b"of nobody")
    await asked.settle()
    assert not asked.pipe.is_open
    await asked.end()


async def test_a_closed_pipe_sends_nothing() -> None:
    asked = Asked()
    await asked.end()
    with pytest.raises(NotSent):
        await asked.pipe.call(b"A")
    await asked.settle()
    assert asked.connection.written == []
    assert asked.closed == 1
