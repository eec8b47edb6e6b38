"""Acknowledgements: which operator deals with which issue. They are kept in the store, and end with the issue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from datetime import timedelta
from typing import Any, Protocol

from models.acknowledgements import Acknowledgement
from models.errors import StoreUnavailable
from models.times import utc_milliseconds
from realtime.clock import Clock

UNSEEN_SECONDS = 60.0
"""How long an acknowledgement is kept while its issue was not found yet: after a start, some issues take a while."""


class AcknowledgementStore(Protocol):
    """The part of the store that is needed here."""

    async def put(self, acknowledgement: Acknowledgement) -> None: ...
    async def remove(self, acknowledgement: Acknowledgement) -> bool: ...
    async def all(self) -> list[Acknowledgement]: ...


class Acknowledgements:
    """At most one for each issue. Each ends with its issue, with its time, or when an operator takes it back.

    Servers that share the store read it again when one of them has changed it.
    """

    def __init__(
        self, store: AcknowledgementStore, clock: Clock, spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._spawn = spawn
        self._current: dict[str, Acknowledgement] = {}
        self._seen: set[str] = set()
        """The keys of acknowledged issues that were found since."""
        self._known_since: dict[str, float] = {}
        """Since when in steady time an acknowledgement is known here."""
        self._ended: dict[str, Acknowledgement] = {}
        """Those that have ended while the store still has them."""
        self._is_removing = False
        self._version = 0
        """Rises with each change on this server."""
        self.tell_others: Callable[[], None] = _nobody
        """Called after a change that the other servers don't know of."""
        self.on_change: Callable[[], None] = _nobody
        """Called after each change, so that operators see it at once."""

    def of(self, key: str) -> Acknowledgement | None:
        """The acknowledgement of an issue."""
        return self._current.get(key)

    async def add(self, keys: Collection[str], operator: str, seconds: float) -> None:
        """Note that an operator deals with an issue from now on. An earlier acknowledgement of it ends.

        An issue that covers several faults of a call has several keys. Raises StoreUnavailable.
        """
        now = utc_milliseconds(self._clock.utc())
        for key in keys:
            acknowledgement = Acknowledgement(key, operator, now, now + timedelta(seconds=seconds))
            await self._store.put(acknowledgement)
            self._put(acknowledgement)
        self._changed()

    async def take_back(self, keys: Collection[str]) -> None:
        """Note that nobody deals with an issue any more. Raises StoreUnavailable."""
        for key in keys:
            acknowledgement = self._current.get(key)
            if acknowledgement is not None:
                await self._store.remove(acknowledgement)
                self._drop(acknowledgement)
        self._changed()

    async def load(self) -> None:
        """Read all of them from the store, at the start and after another server's change. Raises StoreUnavailable."""
        version = -1
        stored: list[Acknowledgement] = []
        while version != self._version:  # a change on this server may have reached the store after it was read
            version = self._version
            stored = await self._store.all()
        valid = {each.key: each for each in stored if self._ended.get(each.key) != each}
        for key in self._current.keys() - valid.keys():
            self._drop(self._current[key])
        for each in valid.values():
            if self._current.get(each.key) != each:
                self._put(each)
        self.on_change()

    def review(self, found: Collection[str]) -> None:
        """End what has ended. `found` are the keys of all issues that there are now."""
        self._seen |= self._current.keys() & set(found)
        for each in list(self._current.values()):
            if self._is_over(each, is_found=each.key in found):
                self._drop(each)
                self._ended[each.key] = each
        if self._ended and not self._is_removing:
            self._is_removing = True
            self._spawn(self._remove_ended())

    def _is_over(self, acknowledgement: Acknowledgement, *, is_found: bool) -> bool:
        if acknowledgement.until <= self._clock.utc():
            return True
        age = self._clock.now() - self._known_since[acknowledgement.key]
        return not is_found and (acknowledgement.key in self._seen or age >= UNSEEN_SECONDS)

    async def _remove_ended(self) -> None:
        """While the store is down, this is tried again with each review."""
        try:
            for each in list(self._ended.values()):
                await self._store.remove(each)
                self._ended.pop(each.key, None)
        except StoreUnavailable:
            return
        finally:
            self._is_removing = False

    def _put(self, acknowledgement: Acknowledgement) -> None:
        self._version += 1
        self._current[acknowledgement.key] = acknowledgement
        self._seen.discard(acknowledgement.key)
        self._known_since[acknowledgement.key] = self._clock.now()

    def _drop(self, acknowledgement: Acknowledgement) -> None:
        """Forget it, unless another one has taken its place meanwhile."""
        self._version += 1
        if self._current.get(acknowledgement.key) == acknowledgement:
            del self._current[acknowledgement.key]
            del self._known_since[acknowledgement.key]
            self._seen.discard(acknowledgement.key)

    def _changed(self) -> None:
        self.tell_others()
        self.on_change()


def _nobody() -> None:
    """A server that is alone has nobody to tell."""
