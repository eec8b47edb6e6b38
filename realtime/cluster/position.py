"""Position: how far this server has applied the log."""

from __future__ import annotations

import asyncio

from models.shared_log import NO_ENTRY, entry_order

BEFORE_ALL = (-1, -1)
"""The order of a user whose record no entry wrote."""


class Position:
    """The last entry that was applied, and for each user the entry that wrote the record in memory."""

    def __init__(self) -> None:
        self.generation = 0
        self.last_id = NO_ENTRY
        self._of_user: dict[int, str] = {}
        self._told: dict[int, int] = {}
        self._cut = (0, 0)
        """The last entry before this generation."""
        self._waiting: dict[str, Waiter] = {}
        """Those who wait for an entry to be applied."""

    def of_user(self, user_id: int) -> str:
        """The id of the entry that wrote the user's record, or "" if no entry did."""
        return self._of_user.get(user_id, "")

    def order_of_user(self, user_id: int) -> tuple[int, int]:
        """The same entry, for comparing. A user without one comes before every entry."""
        entry_id = self._of_user.get(user_id)
        return entry_order(entry_id) if entry_id else BEFORE_ALL

    def told(self, user_id: int) -> int:
        """The `seq` under which the user was last announced, as far as the log knows; 0 if never."""
        return self._told.get(user_id, 0)

    def note(self, user_id: int, entry_id: str, seq: int) -> None:
        """The user's record comes from this entry. The user was announced under `seq`, unless that is 0."""
        self._of_user[user_id] = entry_id
        if seq:
            self._told[user_id] = seq

    def forget(self, user_id: int) -> None:
        """The log has no record of this user."""
        self._of_user.pop(user_id, None)
        self._told.pop(user_id, None)

    def known(self) -> set[int]:
        """The users of whom the log had a record."""
        return set(self._of_user)

    def forget_all(self) -> None:
        """The records are read anew."""
        self._of_user.clear()
        self._told.clear()

    def advance(self, entry_id: str) -> None:
        """The next entry is applied."""
        self.last_id = entry_id
        waiter = self._waiting.pop(entry_id, None)
        if waiter is not None:
            waiter.end(is_applied=True)

    def jump(self, entry_id: str) -> None:
        """The records are those after this entry."""
        self.last_id = entry_id
        done = entry_order(entry_id)
        for waited_for in [each for each in self._waiting if entry_order(each) <= done]:
            self._waiting.pop(waited_for).end(is_applied=True)

    def begin(self, generation: int, cut: str) -> None:
        """A new generation. Of the entries before it, those up to `cut` still count; the others are gone."""
        self.generation = generation
        self._cut = entry_order(cut)
        for waiter in self._waiting.values():
            waiter.end(is_applied=False)  # it is decided again, which finds out
        self._waiting.clear()

    async def reached(self, entry_id: str) -> bool:
        """Wait until an entry is applied. Returns False if it may be gone."""
        wanted = entry_order(entry_id)
        if wanted[0] < self.generation:
            return wanted[0] == self._cut[0] and wanted <= self._cut
        if wanted <= entry_order(self.last_id):
            return True
        return await self._waiting.setdefault(entry_id, Waiter()).wait()


class Waiter:
    """Those who wait for one entry."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        self._is_applied = False

    def end(self, *, is_applied: bool) -> None:
        """Tell them whether the entry is applied."""
        self._is_applied = is_applied
        self._ended.set()

    async def wait(self) -> bool:
        """Whether the entry is applied, once that is known."""
        await self._ended.wait()
        return self._is_applied
