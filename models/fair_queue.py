"""Fair queue: work of many clients on few threads. Clients take turns, however much each of them asks for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from models.errors import Overloaded


class FairQueue:
    """Lets `at_once` pieces of work run, and `waiting_limit` more wait.

    Each key has its own line, and the lines take turns. If all places are taken, a newcomer gets the last place of the
    longest line, provided its own line is then no longer than that one. So one key never keeps the others out.
    """

    def __init__(self, at_once: int, waiting_limit: int, message: str) -> None:
        self._free = at_once
        self._waiting_limit = waiting_limit
        self._message = message
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """The waiting work of each key. The first key is next."""
        self._waiting = 0

    async def enter(self, key: str) -> None:
        """Wait until this work may run. `leave` ends it. Raises Overloaded if there is no place."""
        if self._free:
            self._free -= 1
            return
        if self._waiting >= self._waiting_limit:
            self._make_room(key)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(key, turn)
            elif turn.exception() is None:
                self.leave()
            raise

    def leave(self) -> None:
        """End a piece of work. The next line has its turn."""
        while self._lines:
            key, line = next(iter(self._lines.items()))
            turn = line[0]
            self._remove(key, turn)
            if key in self._lines:
                self._lines.move_to_end(key)
            if not turn.done():  # a cancelled one is on its way out
                turn.set_result(None)
                return
        self._free += 1

    def _make_room(self, key: str) -> None:
        """Refuse the last of the longest line. Raises Overloaded if that is no longer than the newcomer's."""
        longest = max(self._lines, key=lambda each: len(self._lines[each]), default=key)
        if len(self._lines.get(longest, ())) <= len(self._lines.get(key, ())) + 1:
            raise Overloaded(self._message)
        refused = self._lines[longest][-1]
        self._remove(longest, refused)
        refused.set_exception(Overloaded(self._message))

    def _remove(self, key: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(key)
        if line is None or turn not in line:
            return
        line.remove(turn)
        self._waiting -= 1
        if not line:
            del self._lines[key]
