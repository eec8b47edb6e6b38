"""Id counter: a document in `counters`, with the last id that was given to a kind of document."""

from __future__ import annotations

import math

import msgspec
from pymongo import ReturnDocument

from models.documents import value_of
from models.errors import UnusableStore
from models.guard import GuardedCollection


class CounterDocument(msgspec.Struct, frozen=True, rename={"name": "_id"}):
    """A counter. MongoDB's shell writes whole numbers as floats."""

    name: str
    last: int | float


class IdCounter:
    """Gives out ids, each of them once."""

    def __init__(self, counters: GuardedCollection, name: str) -> None:
        self._counters = counters
        self._name = name

    async def check(self) -> None:
        """Raise UnusableStore if the last id is not a whole number, so that no id could be given out."""
        document = await self._counters.find_one({"_id": self._name})
        if document is None:
            return
        last = value_of(self._counters, document, CounterDocument).last
        if not math.isfinite(last) or last != int(last):
            raise UnusableStore(
                f"last of the document {self._name!r} in the collection {self._counters.name} is {last}; "
                "set it to the highest id that was given out"
            )

    async def next(self, count: int = 1) -> int:
        """Reserve `count` ids and return the first."""
        counter = await self._counters.find_one_and_update(
            {"_id": self._name}, {"$inc": {"last": count}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert counter is not None, "an upsert that returns the document after it always has one"
        return int(counter["last"]) - count + 1
