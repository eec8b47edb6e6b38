"""Acknowledgements: which operator deals with which issue, and until when.

The store over the collection `acknowledgements`. A document has the fields of Acknowledgement, with `key` as `_id`. It
is deleted when the issue has ended, when its time is over, or when an operator takes it back.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from models.collection import Document
from models.documents import readable, value_of
from models.guard import GuardedCollection


class Acknowledgement(msgspec.Struct, frozen=True):
    """An operator deals with an issue for some time."""

    key: str
    """The key of the issue."""
    operator: str
    """The operator's name."""
    at: datetime
    until: datetime


class Acknowledgements:
    """At most one for each issue."""

    def __init__(self, acknowledgements: GuardedCollection) -> None:
        self._acknowledgements = acknowledgements

    async def put(self, acknowledgement: Acknowledgement) -> None:
        """Keep it, in place of one for the same issue."""
        fields = msgspec.structs.asdict(acknowledgement)
        key = fields.pop("key")
        await self._acknowledgements.update_one({"_id": key}, {"$set": fields}, upsert=True)

    async def remove(self, acknowledgement: Acknowledgement) -> bool:
        """Delete it. False if another one has taken its place, or it is gone."""
        result = await self._acknowledgements.delete_one(
            {"_id": acknowledgement.key, "operator": acknowledgement.operator, "at": acknowledgement.at}
        )
        return result.deleted_count == 1

    async def all(self) -> list[Acknowledgement]:
        """All of them, also those whose time is over."""
        return readable(self._acknowledgements, await self._acknowledgements.find({}), self._value)

    def _value(self, row: Document) -> Acknowledgement:
        return value_of(self._acknowledgements, {**row, "key": row["_id"]}, Acknowledgement)
