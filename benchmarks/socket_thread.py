"""Socket thread: a thread that reads from many sockets, until it is told to stop."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_LOOK_SECONDS = 0.2

TAKEN_AT_ONCE = 1 << 18


class SocketThread:
    """A context manager. It owns the sockets, and counts those that the server closes."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._selector = selectors.DefaultSelector()
        self._sockets = sockets
        for place, each in enumerate(sockets):
            self._selector.register(each, selectors.EVENT_READ, place)
        self._ended = threading.Event()
        self.lost = 0
        """Sockets that the server has closed."""
        self._thread = threading.Thread(target=self._take)

    def __len__(self) -> int:
        return len(self._sockets)

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

    def note(self, place: int, data: bytes, now: float) -> None:
        """The socket at this place has received something, at `now` in steady time."""

    def _take(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(_LOOK_SECONDS):
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(TAKEN_AT_ONCE)
                if data:
                    self.note(key.data, data, time.monotonic())
                else:
                    self.lost += 1
                    self._selector.unregister(key.fileobj)
