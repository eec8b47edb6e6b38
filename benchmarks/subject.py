"""What a benchmark measures: a server with connected sockets, which can be made to send them changes."""

from __future__ import annotations

from typing import Protocol

from benchmarks.sink import Sink
from benchmarks.wave import Wave


class Subject(Protocol):
    """A server and the sink that is connected to it."""

    @property
    def sink(self) -> Sink: ...

    @property
    def pid(self) -> int:
        """The process id of the server, needed to read its CPU time."""
        ...

    def cause(self, wave: Wave) -> None:
        """Request all the changes of `wave` at once; return when the server has confirmed them."""
        ...
