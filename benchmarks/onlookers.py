"""Operators' sockets that receive everything and display nothing, to find out what one more costs the server."""

from __future__ import annotations

import base64
import os
import socket

from benchmarks.failure import BenchmarkError
from benchmarks.socket_thread import TAKEN_AT_ONCE, SocketThread

_PATIENCE_SECONDS = 10.0


class Onlookers(SocketThread):
    """`count` open sockets of the operator with this cookie. They answer no pings, so they last for only 35 s."""

    def __init__(self, port: int, cookie: str, count: int) -> None:
        super().__init__([_opened(port, cookie) for _ in range(count)])

    def check(self) -> None:
        """Raise BenchmarkError if the server closed any of the sockets."""
        if self.lost:
            raise BenchmarkError(f"the server closed {self.lost} of {len(self)} operators' sockets")


def _opened(port: int, cookie: str) -> socket.socket:
    """Open a WebSocket connection; data that arrives along with the upgrade response is dropped."""
    link = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET /ws/operators HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    answer = link.recv(TAKEN_AT_ONCE)
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise BenchmarkError(f"GET /ws/operators: {answer[:200].decode(errors='replace')}")
    return link
