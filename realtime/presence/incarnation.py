"""Incarnation: the name under which this server writes records."""

from __future__ import annotations

from collections.abc import Callable


class Incarnation:
    """A server has a new name after each start, and after the others have given it up."""

    def __init__(self, first: str, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self.id = first
        self._own = {self.id}

    def renew(self) -> None:
        """Take a new name. What was written under the old one is still this server's own."""
        self.id = self._new_id()
        self._own.add(self.id)

    def is_own(self, server: str) -> bool:
        """Whether this server has, or had, the name."""
        return server in self._own
