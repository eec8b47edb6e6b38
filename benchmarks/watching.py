"""Watching: sockets in this process that note when each update arrives, to compare the arrivals at several servers."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import msgspec

from benchmarks.failure import BenchmarkError
from benchmarks.socket_thread import SocketThread

_PATIENCE_SECONDS = 20.0


class _Heard(msgspec.Struct):
    type: str
    seq: int = 0


_decoder = msgspec.json.Decoder(_Heard)


class Watching(SocketThread):
    """One open socket for each port and token, which notes for each `seq` when it came."""

    def __init__(self, places: Sequence[tuple[int, str]]) -> None:
        self.arrivals: list[dict[int, float]] = [{} for _ in places]
        """For each socket, when each update arrived first, by its `seq`."""
        self._kept: list[bytes] = [b""] * len(places)
        super().__init__([_opened(port, token) for port, token in places])

    def forget(self) -> None:
        """Forget the arrivals so far, such as those that came with connecting."""
        for arrivals in self.arrivals:
            arrivals.clear()

    def note(self, place: int, data: bytes, now: float) -> None:
        """Note the updates in what has come."""
        data = self._kept[place] + data
        while (frame := _frame(data)) is not None:
            payload, data = frame
            if payload.startswith(b'{"type":"user_status_update"'):
                self.arrivals[place].setdefault(_decoder.decode(payload).seq, now)
        self._kept[place] = data


def _frame(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the payload of the first frame and the rest, or None if the frame isn't complete. Servers don't mask."""
    if len(data) < 2:
        return None
    length, header = data[1], 2
    if length == 126:
        length, header = int.from_bytes(data[2:4], "big"), 4
    elif length == 127:
        length, header = int.from_bytes(data[2:10], "big"), 10
    whole = header + length
    return (data[header:whole], data[whole:]) if len(data) >= whole and len(data) >= header else None


def _opened(port: int, token: str) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(
        f"GET /ws/feed HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = link.recv(1)  # one at a time, so that the frames after the answer stay in the socket
        if not byte:
            raise BenchmarkError(f"GET /ws/feed: {answer[:200].decode(errors='replace')}")
        answer += byte
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise BenchmarkError(f"GET /ws/feed: {answer[:200].decode(errors='replace')}")
    return link
