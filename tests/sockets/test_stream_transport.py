"""Stream transport: the head of the answer to an upgrade and the first frame, whatever the kernel takes of them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from handlers.sockets.stream_transport import StreamTransport
from realtime.sockets.frame_writer import FrameWriter

pytestmark = pytest.mark.gen_test

HEAD, FRAME = b"HTTP/1.1 101\r\n\r\n", b"a frame"


class NarrowStream:
    """A connection whose kernel takes some bytes and no more. What is written to it is kept."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent = b""
        self.kept = b""
        self.plain_socket = self

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def write(self, data: bytes) -> asyncio.Future[None]:
        self.kept += data
        return asyncio.get_running_loop().create_future()


class Reader:
    """Lets a writer write what it likes."""

    def blocked(self) -> None:
        pass

    def drained(self) -> None:
        pass


def begun(stream: NarrowStream) -> StreamTransport:
    transport = StreamTransport(cast("Any", stream), cast("Any", None))
    transport.begin(HEAD)
    return transport


@pytest.mark.parametrize("room", [0, 1, len(HEAD) - 1, len(HEAD), len(HEAD) + 1, len(HEAD + FRAME), 100])
async def test_the_first_frame_follows_the_head_wherever_the_kernel_stops(room: int) -> None:
    stream = NarrowStream(room)
    writer = FrameWriter(begun(stream), lambda: 0.0, Reader())
    writer.write(FRAME)
    assert stream.sent + stream.kept == HEAD + FRAME
    assert len(stream.sent) == min(room, len(HEAD + FRAME))
    assert writer.is_idle() == (room >= len(HEAD + FRAME))


@pytest.mark.parametrize("room", [0, 1, 100])
async def test_a_head_is_sent_alone_and_once_if_no_frame_follows(room: int) -> None:
    stream = NarrowStream(room)
    transport = begun(stream)
    transport.send_head()
    transport.send_head()
    assert stream.sent + stream.kept == HEAD


async def test_later_frames_go_straight_to_the_socket() -> None:
    stream = NarrowStream(1000)
    transport = begun(stream)
    transport.take(FRAME)
    assert transport.take == stream.send
    assert transport.take(FRAME) == len(FRAME)
    assert stream.sent == HEAD + FRAME + FRAME
