"""Bad input: frames and requests that no good client sends, as bytes."""

from __future__ import annotations

import struct

from chaos.raw_frames import frame

MESSAGES = 20_000
PINGS = 100_000
FRAGMENTS = 100_000


PING = frame(0x1, b'{"type":"ping"}')

FLOODS = {
    "messages": (PING * MESSAGES, {4003}),
    "invalid messages": (frame(0x1, b"nonsense") * MESSAGES, {4003, 4504}),
    "binary messages": (frame(0x2, b"\x00") * MESSAGES, {4003, 4504}),
    "pongs that nobody asked for": (frame(0xA, b"x") * PINGS, {4003}),
    "unmasked messages": (frame(0x1, b'{"type":"ping"}', masked=False) * MESSAGES, {1002}),
    "fragments that are empty, in many messages": (
        (frame(0x1, final=False) + frame(0x0, final=False) * 50 + frame(0x0)) * (FRAGMENTS // 52),
        {4003},
    ),
    "control pings": (frame(0x9, b"x" * 100) * PINGS, {4003}),
    "empty fragments": (frame(0x1, final=False) + frame(0x0, final=False) * FRAGMENTS, {4504}),
    "fragments of a byte": (frame(0x1, b"x", final=False) + frame(0x0, b"x", final=False) * FRAGMENTS, {4504}),
}

BAD_FRAMES = {
    "a reserved bit": frame(0x1, b"{}", rsv=4),
    "an unknown opcode": frame(0x3, b"{}"),
    "an unknown control opcode": frame(0xB, b""),
    "a fragmented ping": frame(0x9, final=False),
    "a continuation of nothing": frame(0x0, b"{}"),
    "a message within a message": frame(0x1, b"{", final=False) + frame(0x1, b"}"),
    "a long ping": b"\x89\xfe\x00\x7e" + bytes(4) + b"x" * 126,
    "text that is not UTF-8": frame(0x1, b"\xff\xfe"),
    "a 64-bit length": b"\x81\xff" + struct.pack("!Q", 2**63) + bytes(4),
    "a length beyond the limit": b"\x81\xff" + struct.pack("!Q", 2**30) + bytes(4) + b"x" * 1000,
    "a close frame of one byte": frame(0x8, b"\x03"),
    "a close code that does not exist": frame(0x8, struct.pack("!H", 1005)),
    "a close reason that is not UTF-8": frame(0x8, struct.pack("!H", 1000) + b"\xff"),
    "half a frame and a reset": b"\x81\xfe\x0f",
}

HUGE_REQUESTS = {
    "a header of 1 MB": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2**20 + b"\r\n\r\n",
    "a token of 1 MB in the URL": b"GET /ws/feed?token=" + b"x" * 2**20 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a token of 1 MB in a header": b"GET /users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
    + b"x" * 2**20 + b"\r\n\r\n",
    "1,500 query arguments": b"GET /feed/users?" + "&".join(f"a{n}=1" for n in range(1500)).encode()
    + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "1,500 query arguments on a socket": b"GET /ws/feed?" + "&".join(f"a{n}=1" for n in range(1500)).encode()
    + b" HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "10,000 headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "100 MB announced": b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n"
    + b"x" * 2**20,
    "a length that is no number": b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n{}",
    "two lengths": b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "no HTTP": b"\x16\x03\x01" + b"\x00" * 500 + b"\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a path that is not UTF-8": b"GET /%ff%fe?q=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an endless chunk": b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"
    + b"x" * 2**20,
}  # fmt: skip
