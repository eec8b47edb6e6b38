"""Checkpoints: the states of all users and the ongoing calls at one moment, from which the past can be shown.

The store over the collections `checkpoints` and `checkpoint_parts`. A document of `checkpoints` has the fields of
Checkpoint, with `checkpoint_id` as `_id`. It is written last: without it, a checkpoint is not complete. A document of
`checkpoint_parts` has `kind` (`users` or `calls`) and `rows`, at most PART_ROWS rows as compressed JSON. Its `_id` is
the id of the checkpoint, a hyphen and a number.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from models.calls import CallType
from models.collection import Document
from models.documents import insert_new, readable, value_of
from models.errors import UnusableStore
from models.guard import GuardedCollection
from models.status import State
from models.times import milliseconds

PART_ROWS = 1000
"""Rows in one document: about 20 KB, and half a millisecond to encode."""

PARTS_WRITTEN = 4
"""Parts that are encoded and written in one go, in some 4 ms."""

PARTS_READ = 20
"""Parts that are read in one go."""

CHECKPOINTS_AT_ONCE = 100
"""Checkpoints that are deleted in one go."""

FAST = 1
"""zlib's level. Higher ones take twice as long and save a tenth."""


class PastUser(msgspec.Struct, frozen=True, array_like=True):
    """The state of one user. There are no names: they change, and those of deleted users must disappear."""

    user_id: int
    state: State
    since: int
    """Milliseconds since 1970."""
    cause: str = ""
    """The reason that was announced, or `set`, `disabled` or `never`."""
    by: str = ""
    """The operator who caused it, if one did."""


class PastCall(msgspec.Struct, frozen=True, array_like=True):
    """One ongoing call."""

    call_id: str
    caller_id: int
    callee_id: int
    call_type: CallType
    started_at: int
    """Milliseconds since 1970."""

    def other(self, user_id: int) -> int:
        """The participant who is not `user_id`."""
        return self.callee_id if user_id == self.caller_id else self.caller_id


class Checkpoint(msgspec.Struct, frozen=True):
    """One checkpoint, without its rows."""

    checkpoint_id: str
    """Sorts by time."""
    at: datetime
    reached: str
    """The events up to this id are in the checkpoint. It need not be the id of an event."""
    newest_user: int
    """The greatest id of a user, or 0."""
    parts: int = 0
    """How many documents have its rows."""


class Part(msgspec.Struct, frozen=True):
    """Some rows of a checkpoint."""

    kind: str
    rows: str


PartRows = tuple[Literal["users"], list[PastUser]] | tuple[Literal["calls"], list[PastCall]]
"""The rows of one part, and what they are."""


class Checkpoints:
    """The checkpoints that are kept."""

    def __init__(self, checkpoints: GuardedCollection, parts: GuardedCollection) -> None:
        self._checkpoints = checkpoints
        self._parts = parts

    async def ensure_indexes(self) -> None:
        """The time, to find the one before a moment; and the events, to delete those whose events are deleted."""
        await self._checkpoints.create_index([("at", 1)])
        await self._checkpoints.create_index([("reached", 1)])

    async def add(self, checkpoint: Checkpoint, parts: Iterable[PartRows]) -> None:
        """Add a checkpoint. Raises StoreUnavailable. Then it does not count, and it may be added again."""
        rest, count = iter(parts), 0
        while some := list(islice(rest, PARTS_WRITTEN)):
            # Each write gives the loop a turn, so that 100,000 users do not block it.
            ids = [_part_id(checkpoint.checkpoint_id, count + n) for n in range(len(some))]
            await insert_new(self._parts, [_part(id, *each) for id, each in zip(ids, some, strict=True)])
            count += len(some)
        fields = msgspec.structs.asdict(checkpoint) | {"parts": count}
        await self._checkpoints.update_one({"_id": fields.pop("checkpoint_id")}, {"$set": fields}, upsert=True)

    async def last_until(self, at: datetime) -> Checkpoint | None:
        """The last checkpoint up to a moment."""
        return await self._first({"at": {"$lte": at}}, -1)

    async def first_after(self, at: datetime) -> Checkpoint | None:
        """The first checkpoint after a moment."""
        return await self._first({"at": {"$gt": at}}, 1)

    async def oldest(self) -> Checkpoint | None:
        """The oldest checkpoint."""
        return await self._first({}, 1)

    async def rows(self, checkpoint: Checkpoint) -> tuple[list[PastUser], list[PastCall]]:
        """The users and the calls of a checkpoint. Raises UnusableStore if they cannot be read."""
        users: list[PastUser] = []
        calls: list[PastCall] = []
        for start in range(0, checkpoint.parts, PARTS_READ):
            numbers = range(start, min(start + PARTS_READ, checkpoint.parts))
            ids = [_part_id(checkpoint.checkpoint_id, n) for n in numbers]
            documents = await self._parts.find({"_id": {"$in": ids}})
            if len(documents) < len(ids):
                raise UnusableStore(f"parts of the checkpoint {checkpoint.checkpoint_id} are missing")
            for document in documents:
                part = value_of(self._parts, document, Part)
                if part.kind == "users":
                    users += self._decoded(document, part, _users)
                else:
                    calls += self._decoded(document, part, _calls)
        return users, calls

    async def forget(self, before: datetime) -> int:
        """Delete the checkpoints before a moment and return their number."""
        gone = await self._forget({"at": {"$lt": before}})
        # Parts of checkpoints that were never completed.
        await self._parts.delete_many({"_id": {"$lt": f"{milliseconds(before):012x}"}})
        return gone

    async def forget_without_events(self, deleted_until: str) -> int:
        """Delete the checkpoints before this event, which is deleted with all before it. Return their number."""
        return await self._forget({"reached": {"$lt": deleted_until}})

    async def _forget(self, query: dict[str, Any]) -> int:
        gone = 0
        while rows := await self._checkpoints.find(query, {"_id": 1}, limit=CHECKPOINTS_AT_ONCE):
            ids = [row["_id"] for row in rows]
            gone += (await self._checkpoints.delete_many({"_id": {"$in": ids}})).deleted_count
            for each in ids:
                await self._parts.delete_many({"_id": {"$gt": f"{each}-", "$lt": f"{each}."}})  # "." follows "-"
        return gone

    async def _first(self, query: dict[str, Any], direction: int) -> Checkpoint | None:
        rows = await self._checkpoints.find(query, sort=[("at", direction)], limit=1)
        return next(iter(readable(self._checkpoints, rows, self._checkpoint)), None)

    def _checkpoint(self, row: Document) -> Checkpoint:
        return value_of(self._checkpoints, {**row, "checkpoint_id": row["_id"]}, Checkpoint)

    def _decoded(self, document: Document, part: Part, decoder: msgspec.json.Decoder[list[Any]]) -> list[Any]:
        try:
            return decoder.decode(zlib.decompress(base64.b64decode(part.rows)))
        except (binascii.Error, zlib.error, msgspec.DecodeError) as error:
            raise UnusableStore(f"the document {document['_id']!r} in {self._parts.name} cannot be read") from error


_users = msgspec.json.Decoder(list[PastUser])
_calls = msgspec.json.Decoder(list[PastCall])


def checkpoint_id(at: datetime, server: str) -> str:
    """The id of a checkpoint that a server makes at this moment."""
    return f"{milliseconds(at):012x}{server}"


def _part_id(checkpoint_id: str, number: int) -> str:
    return f"{checkpoint_id}-{number:05}"


def _part(part_id: str, kind: str, rows: list[PastUser] | list[PastCall]) -> Document:
    packed = zlib.compress(msgspec.json.encode(rows), FAST)
    return {"_id": part_id, "kind": kind, "rows": base64.b64encode(packed).decode()}
