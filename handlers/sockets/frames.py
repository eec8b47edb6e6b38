"""Frames: reads the frames that clients send (RFC 6455 §5)."""

from __future__ import annotations

from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes, RFC 6455 §5.2."""

FINAL, CONTROL = 0x80, 0x08
"""Bits of a frame's first byte and of an opcode."""

_RESERVED, _OPCODE, _MASKED, _LENGTH = 0x70, 0x0F, 0x80, 0x7F
"""Bits of a frame's first two bytes."""

_HEAD_BYTES = {126: 4, 127: 10}
"""Where the mask begins if the length takes two or eight bytes more."""

_CONTROL_BYTES = 125


class Frame(NamedTuple):
    """One frame without its mask, and how many bytes it took."""

    is_final: bool
    opcode: int
    payload: bytes
    size: int


class BadFrame(Exception):
    """A frame breaks RFC 6455. The text is the reason to close with, or empty to close without a word."""


class TooBig(Exception):
    """A message is larger than the limit."""


def next_frame(data: bytes, room: int) -> Frame | None:
    """The first frame in `data`, or None if it has not arrived completely. `room`: bytes that a message may still have.

    Raises BadFrame, TooBig, both as soon as the first bytes tell.
    """
    if len(data) < 2:
        return None
    first, second = data[0], data[1]
    opcode, length, start = first & _OPCODE, second & _LENGTH, 2
    if not second & _MASKED:
        raise BadFrame("client frames must be masked")
    if first & _RESERVED or (opcode & CONTROL and length > _CONTROL_BYTES):
        raise BadFrame
    if length > _CONTROL_BYTES:
        start = _HEAD_BYTES[length]
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start], "big")
    if length > room and not opcode & CONTROL:
        raise TooBig
    size = start + 4 + length
    if len(data) < size:
        return None
    payload = unmasked(data[start + 4 : size], data[start : start + 4])
    return Frame(bool(first & FINAL), opcode, payload, size)


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """The payload without its mask (RFC 6455 §5.3). One XOR of two large numbers is faster than a loop over bytes."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def is_close_payload(data: bytes) -> bool:
    """Whether a close frame may carry this: nothing, or a code and a reason (RFC 6455 §5.5.1 and §7.4)."""
    if not data:
        return True
    code = int.from_bytes(data[:2], "big")
    if len(data) == 1 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        return False
    try:
        data[2:].decode()
    except UnicodeDecodeError:
        return False
    return True
