"""Subject: what is measured: a server whose sockets listen, and which can be made to tell them of changes."""

from __future__ import annotations

from typing import Protocol

from benchmarks.sink import Sink
from benchmarks.wave import Wave


class Subject(Protocol):
    """A server with its sink connected to it."""

    @property
    def sink(self) -> Sink: ...

    @property
    def pid(self) -> int:
        """Of the server, for its CPU time."""
        ...

    def cause(self, wave: Wave) -> None:
        """Make the changes of `wave`, all at once; return when the server has said that they are made."""
        ...
