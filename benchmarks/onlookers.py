"""Operators' sockets that receive everything and display nothing, to find out what one more costs the server."""

from __future__ import annotations

import base64
import os
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

from benchmarks.failure import BenchmarkError

_TAKEN_AT_ONCE = 1 << 18
_PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.2


class Onlookers:
    """`count` open sockets of the operator with this cookie. They answer no pings, so they last for only 35 s."""

    def __init__(self, port: int, cookie: str, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._sockets = [_opened(port, cookie) for _ in range(count)]
        for each in self._sockets:
            self._selector.register(each, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._lost = 0
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._selector.close()
        for each in self._sockets:
            each.close()

    def check(self) -> None:
        """Raise BenchmarkError if the server closed any of the sockets."""
        if self._lost:
            raise BenchmarkError(f"the server closed {self._lost} of {len(self._sockets)} operators' sockets")

    def _take(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(_LOOK_SECONDS):
                assert isinstance(key.fileobj, socket.socket)
                if not key.fileobj.recv(_TAKEN_AT_ONCE):
                    self._lost += 1
                    self._selector.unregister(key.fileobj)


def _opened(port: int, cookie: str) -> socket.socket:
    """Open a WebSocket connection; data that arrives along with the upgrade response is dropped."""
    link = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET /ws/operators HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    answer = link.recv(_TAKEN_AT_ONCE)
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise BenchmarkError(f"GET /ws/operators: {answer[:200].decode(errors='replace')}")
    return link
