"""A table of raw frames: what the server answers to each, or how it ends the connection.

Most rows state what Tornado does, to reveal an upgrade that changes it. Rows that end with 1002 state what Rollcall
checks itself: RFC 6455 says that a server must fail the connection, but Tornado continues.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

import pytest

from chaos.raw_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame
from tests.clients import PATIENCE_SECONDS, Person, RawSocket, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [
    pytest.mark.gen_test,
    pytest.mark.any_store,
    pytest.mark.settings(sockets_per_user=100_000),
]

COMMAND = b'{"type":"unsubscribe","subscription":"calls"}'
DONE = frame(TEXT, b'{"type":"unsubscription_confirmed","subscription":"calls"}', masked=False)
INVALID = frame(
    TEXT, b'{"type":"error","message":"Invalid message format","code":"INVALID_MESSAGE_ERROR"}', masked=False
)
TOO_BIG = close(1009, b"message too big", masked=False)
UNMASKED = close(1002, b"client frames must be masked", masked=False)
BAD_CLOSE = close(1002, b"malformed close frame", masked=False)
TOO_MANY_FRAGMENTS = close(4504, b"too many fragments", masked=False)
START, END = COMMAND[:20], COMMAND[20:]
EMPTY_FRAGMENT = frame(CONTINUATION, final=False)


class Row(NamedTuple):
    """What is sent, what comes back, and whether the connection is open afterwards."""

    sent: bytes
    answer: bytes = b""
    is_open: bool = False


def opened(sent: bytes, answer: bytes = b"") -> Row:
    """Return a row after which the socket is open."""
    return Row(sent, answer, is_open=True)


def padded(size: int) -> bytes:
    """Return the command in this many bytes, padded with blanks."""
    return COMMAND.ljust(size)


def pong(payload: bytes) -> bytes:
    return frame(PONG, payload, masked=False)


MESSAGES = {
    "a masked text": opened(frame(TEXT, COMMAND), DONE),
    "a text under a mask of zeros": opened(b"\x81\xad" + bytes(4) + COMMAND, DONE),
    "two texts at once": opened(frame(TEXT, COMMAND) * 2, DONE * 2),
    "an empty text": opened(frame(TEXT), INVALID),
    "a text that is not JSON": opened(frame(TEXT, b"nonsense"), INVALID),
    "a text of a NUL": opened(frame(TEXT, b"\0"), INVALID),
    "a text with a character of four bytes": opened(frame(TEXT, "😀".encode()), INVALID),
    "a text with a byte order mark": opened(frame(TEXT, b"\xef\xbb\xbf" + COMMAND), INVALID),
    "a binary message": opened(frame(BINARY, COMMAND), INVALID),
    "an empty binary message": opened(frame(BINARY), INVALID),
    "a binary message in fragments": opened(frame(BINARY, START, final=False) + frame(CONTINUATION, END), INVALID),
    "a binary message that is not UTF-8": opened(frame(BINARY, b"\xff"), INVALID),
}

LENGTHS = {
    "125 bytes, the most that a 7-bit length says": opened(frame(TEXT, padded(125)), DONE),
    "126 bytes, with a 16-bit length": opened(frame(TEXT, padded(126)), DONE),
    "4,096 bytes, the limit": opened(frame(TEXT, padded(4096)), DONE),
    "4,096 bytes, with a 64-bit length": opened(frame(TEXT, padded(4096), length_bytes=8), DONE),
    "a 16-bit length where 7 bits are enough": opened(frame(TEXT, COMMAND, length_bytes=2), DONE),
    "a 64-bit length where 7 bits are enough": opened(frame(TEXT, COMMAND, length_bytes=8), DONE),
    "a 16-bit length of 0": opened(frame(TEXT, length_bytes=2), INVALID),
    "4,097 bytes": Row(frame(TEXT, padded(4097)), TOO_BIG),
    "4,097 bytes announced, none sent": Row(frame(TEXT, length=4097), TOO_BIG),
    "65,535 bytes announced": Row(frame(TEXT, length=65_535), TOO_BIG),
    "65,536 bytes announced": Row(frame(TEXT, length=65_536), TOO_BIG),
    "2**63 - 1 bytes announced": Row(frame(TEXT, length=2**63 - 1), TOO_BIG),
    "a 64-bit length with its highest bit set": Row(frame(TEXT, length=2**63), TOO_BIG),
    "a binary message of 4,097 bytes": Row(frame(BINARY, bytes(4097)), TOO_BIG),
    "fragments of 4,096 bytes together": opened(
        frame(TEXT, padded(4000), final=False) + frame(CONTINUATION, b" " * 96), DONE
    ),
    "fragments of 4,097 bytes together": Row(
        frame(TEXT, padded(4000), final=False) + frame(CONTINUATION, b" " * 97), TOO_BIG
    ),
}

MASKS = {
    "an unmasked text": Row(frame(TEXT, COMMAND, masked=False), UNMASKED),
    "an unmasked empty text": Row(frame(TEXT, masked=False), UNMASKED),
    "an unmasked binary message": Row(frame(BINARY, b"\0", masked=False), UNMASKED),
    "an unmasked ping": Row(frame(PING, b"x", masked=False), UNMASKED),
    "an unmasked pong": Row(frame(PONG, masked=False), UNMASKED),
    "an unmasked close": Row(close(1000, masked=False), UNMASKED),
    "an unmasked text whose payload never comes": Row(b"\x81\x7e", UNMASKED),
    "an unmasked text after a masked one": Row(
        frame(TEXT, COMMAND) + frame(TEXT, COMMAND, masked=False), DONE + UNMASKED
    ),
    "an unmasked first fragment": Row(frame(TEXT, START, final=False, masked=False), UNMASKED),
    "an unmasked last fragment": Row(
        frame(TEXT, START, final=False) + frame(CONTINUATION, END, masked=False), UNMASKED
    ),
    "a masked text after an unmasked one": Row(frame(TEXT, COMMAND, masked=False) + frame(TEXT, COMMAND), UNMASKED),
}

RESERVED = {
    **{f"a text with the reserved bits {rsv:03b}": Row(frame(TEXT, COMMAND, rsv=rsv)) for rsv in range(1, 8)},
    "a ping with a reserved bit": Row(frame(PING, rsv=4)),
    "a close with a reserved bit": Row(frame(CLOSE, rsv=4)),
    "a continuation with a reserved bit": Row(frame(TEXT, START, final=False) + frame(CONTINUATION, END, rsv=4)),
    **{f"the reserved opcode {opcode:X}": Row(frame(opcode, b"{}")) for opcode in (3, 4, 5, 6, 7)},
    **{f"the reserved control opcode {opcode:X}": Row(frame(opcode)) for opcode in (11, 12, 13, 14, 15)},
    "a reserved opcode in fragments": Row(frame(3, START, final=False) + frame(CONTINUATION, END)),
}

FRAGMENTS = {
    "a text in two fragments": opened(frame(TEXT, START, final=False) + frame(CONTINUATION, END), DONE),
    "a text in a fragment for each byte": opened(
        frame(TEXT, final=False)
        + b"".join(frame(CONTINUATION, COMMAND[place : place + 1], final=False) for place in range(len(COMMAND)))
        + frame(CONTINUATION),
        DONE,
    ),
    "a text between empty fragments": opened(
        frame(TEXT, final=False) + frame(CONTINUATION, COMMAND, final=False) + frame(CONTINUATION), DONE
    ),
    "a text of 63 unfinished fragments": opened(
        frame(TEXT, COMMAND, final=False) + EMPTY_FRAGMENT * 62 + frame(CONTINUATION), DONE
    ),
    "a text of 64 unfinished fragments": Row(
        frame(TEXT, COMMAND, final=False) + EMPTY_FRAGMENT * 63 + close(), TOO_MANY_FRAGMENTS
    ),
    "a ping between fragments": opened(
        frame(TEXT, START, final=False) + frame(PING, b"x") + frame(CONTINUATION, END), pong(b"x") + DONE
    ),
    "a pong between fragments": opened(frame(TEXT, START, final=False) + frame(PONG) + frame(CONTINUATION, END), DONE),
    "a close between fragments": Row(
        frame(TEXT, START, final=False) + close(1001) + frame(CONTINUATION, END), close(1001, masked=False)
    ),
    "a continuation without a start": Row(frame(CONTINUATION, COMMAND)),
    "an unfinished continuation without a start": Row(frame(CONTINUATION, COMMAND, final=False)),
    "a continuation after the end": Row(
        frame(TEXT, START, final=False) + frame(CONTINUATION, END) + frame(CONTINUATION, END), DONE
    ),
    "a new text in the middle of one": Row(frame(TEXT, START, final=False) + frame(TEXT, COMMAND)),
    "a new binary message in the middle of a text": Row(frame(TEXT, START, final=False) + frame(BINARY, COMMAND)),
    "a ping in fragments": Row(frame(PING, b"x", final=False)),
    "a pong in fragments": Row(frame(PONG, final=False)),
    "a close in fragments": Row(frame(CLOSE, final=False)),
}

UTF_8 = {
    "text that is not UTF-8": Row(frame(TEXT, b"\xff\xfe")),
    "a lone continuation byte": Row(frame(TEXT, b"\x80")),
    "an overlong slash": Row(frame(TEXT, b"\xc0\xaf")),
    "a surrogate": Row(frame(TEXT, b"\xed\xa0\x80")),
    "a character beyond U+10FFFF": Row(frame(TEXT, b"\xf4\x90\x80\x80")),
    "a character that is cut off": Row(frame(TEXT, b"\xf0\x9f\x98")),
    "a character split over two fragments": opened(
        frame(TEXT, b"\xf0\x9f", final=False) + frame(CONTINUATION, b"\x98\x80"), INVALID
    ),
    "a character split over two fragments and cut off": Row(
        frame(TEXT, b"\xf0\x9f", final=False) + frame(CONTINUATION, b"\x98")
    ),
    "text that stops being UTF-8 in its second fragment": Row(
        frame(TEXT, START, final=False) + frame(CONTINUATION, b"\xff")
    ),
}

CONTROL = {
    "an empty ping": opened(frame(PING), pong(b"")),
    "a ping with a payload": opened(frame(PING, b"payload"), pong(b"payload")),
    "a ping of bytes that are not UTF-8": opened(frame(PING, b"\xff\0"), pong(b"\xff\0")),
    "a ping of 125 bytes": opened(frame(PING, b"x" * 125), pong(b"x" * 125)),
    "two pings": opened(frame(PING, b"1") + frame(PING, b"2"), pong(b"1") + pong(b"2")),
    "a ping of 126 bytes": Row(frame(PING, b"x" * 126)),
    "a ping with a 16-bit length": Row(frame(PING, b"x", length_bytes=2)),
    "a ping with a 64-bit length": Row(frame(PING, b"x", length_bytes=8)),
    "a pong that nobody asked for": opened(frame(PONG)),
    "a pong with a payload that nobody asked for": opened(frame(PONG, b"payload")),
    "a pong of 126 bytes": Row(frame(PONG, b"x" * 126)),
}

ECHOED = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
NOT_FOR_THE_WIRE = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)

CLOSES = {
    "an empty close": Row(close(), close(masked=False)),
    "a close of one byte": Row(frame(CLOSE, b"\x03"), BAD_CLOSE),
    **{f"a close with {code}": Row(close(code), close(code, masked=False)) for code in ECHOED},
    **{f"a close with {code}": Row(close(code), BAD_CLOSE) for code in NOT_FOR_THE_WIRE},
    "a close with a reason": Row(close(1000, "done ✓".encode()), close(1000, masked=False)),
    "a close with a reason of 123 bytes": Row(close(1000, b"x" * 123), close(1000, masked=False)),
    "a close with a reason of 124 bytes": Row(close(1000, b"x" * 124)),
    "a close whose reason is not UTF-8": Row(close(1000, b"\xff"), BAD_CLOSE),
    "a close whose reason is cut off in a character": Row(close(1000, "✓".encode()[:2]), BAD_CLOSE),
    "a text after a close": Row(close(1000) + frame(TEXT, COMMAND), close(1000, masked=False)),
    "a ping after a close": Row(close(1000) + frame(PING), close(1000, masked=False)),
    "a close after a close": Row(close(1000) + close(1001), close(1000, masked=False)),
    "bytes that are no frame after a close": Row(close(1000) + b"\xff" * 10, close(1000, masked=False)),
}

TABLE = {**MESSAGES, **LENGTHS, **MASKS, **RESERVED, **FRAGMENTS, **UTF_8, **CONTROL, **CLOSES}

CUT_OFF = {
    "nothing": b"",
    "a byte of the head": b"\x81",
    "a head without its mask": b"\x81\xad",
    "half a mask": b"\x81\xad\x01\x02",
    "half a 16-bit length": b"\x81\xfe\x00",
    "half a 64-bit length": b"\x81\xff" + bytes(4),
    "half a payload": frame(TEXT, COMMAND)[:-10],
    "half a message": frame(TEXT, START, final=False),
    "half a close": close(1000)[:-1],
}


async def connected(server: RunningServer, user: MakePerson) -> Person:
    """A user with a socket that stays, whom every server knows to be online: other sockets change nothing."""
    person = await user("ada")
    await RawSocket.open(server.port, f"/ws/presence?token={person.token}")
    await eventually(lambda: all(is_online(node, person) for node in server.nodes))
    return person


def is_online(node: RunningServer, person: Person) -> bool:
    entry = node.core.registry.find(person.user_id)
    return entry is not None and entry.alive


async def settled(server: RunningServer, person: Person, *, early: bool = False) -> RawSocket:
    """Open a socket and receive everything that a new one is sent."""
    raw, status = await RawSocket.open(server.port, f"/ws/presence?token={person.token}", early=early)
    assert status == 101
    raw.writer.write(frame(PING, b"settled"))
    while await raw.read_frame() != (PONG, b"settled"):
        pass
    return raw


async def read(raw: RawSocket, end: bytes | None = None) -> tuple[bytes, bool]:
    """Read up to `end`, or to the end of the connection. Returns the bytes and whether it is still open."""
    received = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while end is None or not received.endswith(end):
                piece = await raw.reader.read(65536)
                if not piece:
                    return received, False
                received += piece
    return received, True


async def outcome(server: RunningServer, person: Person, row: Row, pace: int, *, early: bool) -> Row:
    """Return the actual row. `pace`: bytes in one packet."""
    raw = await settled(server, person, early=early)
    mark = b"still here"
    sent = row.sent + frame(PING, mark) if row.is_open else row.sent
    for place in range(0, len(sent), pace):
        raw.writer.write(sent[place : place + pace])
        await asyncio.sleep(0)
    received, is_open = await read(raw, pong(mark) if row.is_open else None)
    raw.end()
    return Row(row.sent, received.removesuffix(pong(mark)), is_open)


async def differences(
    server: RunningServer, person: Person, table: dict[str, Row], pace: int = 65536, *, early: bool
) -> list[str]:
    """Return the rows with different results. All rows run at once."""
    found = await asyncio.gather(*(outcome(server, person, row, pace, early=early) for row in table.values()))
    return [f"{name}: {was}" for (name, row), was in zip(table.items(), found, strict=True) if was != row]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.usefixtures("unharmed")
async def test_every_frame_is_answered_as_the_table_says(
    server: RunningServer, user: MakePerson, *, early: bool
) -> None:
    assert await differences(server, await connected(server, user), TABLE, early=early) == []


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.usefixtures("unharmed")
async def test_frames_that_arrive_byte_by_byte_mean_the_same(
    server: RunningServer, user: MakePerson, *, early: bool
) -> None:
    """Rows that end the connection are left out, because it may end before the last byte is sent."""
    table = {name: row for name, row in TABLE.items() if row.is_open and len(row.sent) < 500}
    assert await differences(server, await connected(server, user), table, pace=1, early=early) == []
    assert len(table) > 20


@pytest.mark.usefixtures("unharmed")
async def test_a_connection_lost_within_a_frame_is_ended_without_a_close_frame(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await connected(server, user)
    for name, sent in CUT_OFF.items():
        for early in (False, True):
            raw = await settled(server, ada, early=early)
            raw.writer.write(sent)
            raw.writer.write_eof()
            assert await read(raw) == (b"", False), name
            raw.end()


def test_the_table_has_a_row_for_each_name() -> None:
    tables = (MESSAGES, LENGTHS, MASKS, RESERVED, FRAGMENTS, UTF_8, CONTROL, CLOSES)
    assert len(TABLE) == sum(map(len, tables))
    assert len(TABLE) > 100
