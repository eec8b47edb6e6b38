"""Tag index: the users who have each tag."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

User = TypeVar("User")


class TagIndex(Generic[User]):
    """Finds users by tag without asking all of them."""

    def __init__(self) -> None:
        self._users: dict[str, set[User]] = {}

    def move(self, user: User, before: Iterable[str], after: Iterable[str]) -> None:
        """The user has other tags than before."""
        for tag in before:
            users = self._users[tag]
            users.discard(user)
            if not users:
                del self._users[tag]
        for tag in after:
            self._users.setdefault(tag, set()).add(user)

    def find(self, tags: Iterable[str]) -> set[User]:
        """The users who have any of these tags."""
        return set[User]().union(*(self._users.get(tag, ()) for tag in tags))

    def counts(self) -> dict[str, int]:
        """How many users have each tag, in alphabetical order."""
        return {tag: len(self._users[tag]) for tag in sorted(self._users)}
