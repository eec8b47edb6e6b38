"""EmbeddedCollection: the part of Motor's collection that the models use, over one SQLite file.

Everything else raises NotImplementedError with its name, so that no model comes to depend on something that only one
of the two stores supports.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import InvalidOperation
from pymongo.results import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult

from models.collection import Document, Filter, Keys, Projection, UpdateSpec
from models.embedded.counting import counting_of
from models.embedded.readers import Readers
from models.embedded.table import Table, Updated
from models.embedded.update import Update
from models.embedded.values import restored
from models.embedded.writer import Writer

T = TypeVar("T")


LIST_THREADS = 2
"""Threads for lists and counts. Lookups have one of their own, so that a slow list never delays a sign-in."""


class EmbeddedDatabase:
    """The collections of one file. Its `async` methods belong to one event loop."""

    def __init__(self, writer: Writer, lookups: Readers, lists: Readers) -> None:
        self._writer = writer
        self._lookups = lookups
        self._lists = lists
        self._collections: dict[str, EmbeddedCollection] = {}

    @classmethod
    def open(cls, path: Path, *, on_commit: Callable[[int], None] | None = None) -> EmbeddedDatabase:
        """Open the file, and create it and its folder if needed. Raises sqlite3.Error or OSError."""
        writer = Writer(path, on_commit=on_commit)
        return cls(writer, Readers(path, count=1, name="lookups"), Readers(path, count=LIST_THREADS, name="lists"))

    def __getitem__(self, name: str) -> EmbeddedCollection:
        if name not in self._collections:
            self._collections[name] = EmbeddedCollection(Table(name), self._writer, self._lookups, self._lists)
        return self._collections[name]

    def __getattr__(self, name: str) -> NoReturn:
        _refuse_attribute("database", name)

    async def command(self, command: str) -> Document:
        """Answer "ping", which shows that the thread and the file work."""
        if command != "ping":
            raise NotImplementedError(f"the embedded store does not support the command {command}")
        await self._writer.submit(_ping, writes=False)
        return {"ok": 1.0}

    def close(self) -> None:
        """Finish the pending operations and close the file."""
        self._lookups.close()
        self._lists.close()
        self._writer.close()


class EmbeddedCursor:
    """The documents that a `find` will return."""

    def __init__(self, read: Callable[[int | None], Any]) -> None:
        self._read = read
        self._is_read = False

    def __getattr__(self, name: str) -> NoReturn:
        _refuse_attribute("cursor", name)

    async def to_list(self, length: int | None = None) -> list[Document]:
        """The documents, at most `length`. A cursor can be read once."""
        if self._is_read:
            raise NotImplementedError("the embedded store's cursor can only be read once")
        self._is_read = True
        documents: list[Document] = await self._read(length)
        return documents


class EmbeddedCollection:
    """One collection. Arguments, results and errors are Motor's; see its documentation."""

    def __init__(self, table: Table, writer: Writer, lookups: Readers, lists: Readers) -> None:
        self._table = table
        self._writer = writer
        self._lookups = lookups
        self._lists = lists
        self._keys = {"_id"}
        """Fields of which each value belongs to one document."""

    def __getattr__(self, name: str) -> NoReturn:
        _refuse_attribute("collection", name)

    async def insert_one(self, document: Document, **unknown: object) -> InsertOneResult:
        _refuse("insert_one", unknown)
        await self._write(partial(self._table.insert, document=document))
        return InsertOneResult(document["_id"], True)

    async def insert_many(
        self, documents: Sequence[Document], ordered: bool = True, **unknown: object
    ) -> InsertManyResult:
        _refuse("insert_many", unknown)
        if not documents:
            raise TypeError("documents must be a non-empty list")
        await self._write(partial(self._table.insert_many, documents=documents, ordered=ordered))
        return InsertManyResult([document["_id"] for document in documents], True)

    async def find_one(
        self, filter: Filter | None = None, projection: Projection = None, **unknown: object
    ) -> Document | None:
        _refuse("find_one", unknown)
        found = await self._lookups.submit(self._finding(filter, projection, None, 0, 1))
        return found[0] if found else None

    def find(
        self,
        filter: Filter | None = None,
        projection: Projection = None,
        *,
        sort: Keys | None = None,
        skip: int = 0,
        limit: int = 0,
        **unknown: object,
    ) -> EmbeddedCursor:
        _refuse("find", unknown)

        async def read(length: int | None) -> list[Document]:
            most = min(limit or length, length) if length else limit
            readers = self._lookups if self._is_lookup(filter or {}) else self._lists
            return await readers.submit(self._finding(filter, projection, sort, skip, most))

        return EmbeddedCursor(read)

    async def count_documents(self, filter: Filter, *, limit: int = 0, **unknown: object) -> int:
        _refuse("count_documents", unknown)
        return await self._lists.submit(partial(self._table.count, filter=filter, limit=limit))

    def aggregate(self, pipeline: Sequence[Document], **unknown: object) -> EmbeddedCursor:
        """Count documents by the values of some fields. No other pipeline is supported."""
        _refuse("aggregate", unknown)
        counting = counting_of(pipeline)

        async def read(_: int | None) -> list[Document]:
            return await self._lists.submit(partial(self._table.count_by, counting=counting))

        return EmbeddedCursor(read)

    async def update_one(
        self, filter: Filter, update: UpdateSpec, upsert: bool = False, **unknown: object
    ) -> UpdateResult:
        _refuse("update_one", unknown)
        return _update_result([await self._update_one(filter, update, upsert)])

    async def update_many(self, filter: Filter, update: UpdateSpec, **unknown: object) -> UpdateResult:
        _refuse("update_many", unknown)
        work = partial(self._table.update_many, filter=filter, update=Update(update))
        return _update_result(await self._write(work))

    async def find_one_and_update(
        self,
        filter: Filter,
        update: UpdateSpec,
        *,
        upsert: bool = False,
        return_document: bool = ReturnDocument.BEFORE,
        **unknown: object,
    ) -> Document | None:
        _refuse("find_one_and_update", unknown)
        updated = await self._update_one(filter, update, upsert)
        chosen = updated.after if return_document == ReturnDocument.AFTER else updated.before
        document: Document | None = restored(chosen)
        return document

    async def delete_one(self, filter: Filter, **unknown: object) -> DeleteResult:
        _refuse("delete_one", unknown)
        work = partial(self._table.delete, filter=filter, only_first=True)
        return DeleteResult({"n": await self._write(work)}, True)

    async def delete_many(self, filter: Filter, **unknown: object) -> DeleteResult:
        _refuse("delete_many", unknown)
        work = partial(self._table.delete, filter=filter, only_first=False)
        return DeleteResult({"n": await self._write(work)}, True)

    async def bulk_write(
        self, requests: Sequence[UpdateOne], ordered: bool = True, **unknown: object
    ) -> BulkWriteResult:
        _refuse("bulk_write", unknown)
        if not requests:
            raise InvalidOperation("No operations to execute")
        work = partial(self._table.bulk_write, requests=requests, ordered=ordered)
        return BulkWriteResult(await self._write(work), True)

    async def create_index(
        self, keys: str | Keys, *, unique: bool = False, name: str | None = None, **unknown: object
    ) -> str:
        _refuse("create_index", unknown)
        pairs = [(keys, 1)] if isinstance(keys, str) else [(field, direction) for field, direction in keys]
        chosen = name or "_".join(f"{field}_{direction}" for field, direction in pairs)
        await self._write(partial(self._table.create_index, keys=pairs, unique=unique, name=chosen))
        if unique and len(pairs) == 1:
            self._keys.add(pairs[0][0])
        return chosen

    async def drop_index(self, name: str, **unknown: object) -> None:
        _refuse("drop_index", unknown)
        await self._write(partial(self._table.drop_index, name=name))

    def _is_lookup(self, filter: Filter) -> bool:
        """Whether the filter names its documents by a key, so that the read is short."""
        conditions = [filter[key] for key in self._keys if key in filter]
        return any(isinstance(each, str | int) or (isinstance(each, Mapping) and "$in" in each) for each in conditions)

    def _finding(
        self, filter: Filter | None, projection: Projection, sort: Keys | None, skip: int, limit: int
    ) -> Callable[[sqlite3.Connection], list[Document]]:
        return lambda connection: _projected(self._table.find(connection, filter or {}, sort, skip, limit), projection)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._writer.submit(work, writes=True)

    async def _update_one(self, filter: Filter, update: UpdateSpec, upsert: bool) -> Updated:
        work = partial(self._table.update_one, filter=filter, update=Update(update), upsert=upsert)
        return await self._write(work)


def _ping(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1").fetchone()


def _refuse(method: str, unknown: Mapping[str, object]) -> None:
    if unknown:
        raise NotImplementedError(f"the embedded store does not support the argument {next(iter(unknown))} of {method}")


def _refuse_attribute(owner: str, name: str) -> NoReturn:
    # Python's own protocols (copy, pickle, repr of mocks) look up double-underscore names and expect this error.
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(f"the embedded store's {owner} does not support {name}")


def _update_result(updates: list[Updated]) -> UpdateResult:
    matched = sum(updated.before is not None for updated in updates)
    modified = sum(updated.before is not None and updated.is_modified for updated in updates)
    raw: Document = {"n": matched, "nModified": modified}
    for updated in updates:
        if updated.before is None and updated.after is not None:
            raw = {"n": 1, "nModified": 0, "upserted": restored(updated.after["_id"])}
    return UpdateResult(raw, True)


def _projected(documents: list[Document], projection: Projection) -> list[Document]:
    """The documents with only the included fields, or without the excluded ones. `_id` stays unless excluded."""
    if projection is None or (isinstance(projection, Mapping) and not projection):
        return documents
    wanted = dict(projection) if isinstance(projection, Mapping) else dict.fromkeys(projection, 1)
    if any(field.startswith("$") or "." in field for field in wanted):
        raise NotImplementedError("the embedded store only projects top-level fields")
    with_id = wanted.pop("_id", 1) not in (0, False)
    kinds = {flag not in (0, False) for flag in wanted.values()}
    if len(kinds) > 1:
        raise NotImplementedError("the embedded store's projection must either include or exclude fields")
    if True in kinds or (not kinds and with_id):
        kept = {*wanted, "_id"} if with_id else set(wanted)
        return [{key: value for key, value in document.items() if key in kept} for document in documents]
    dropped = set(wanted) if with_id else {*wanted, "_id"}
    return [{key: value for key, value in document.items() if key not in dropped} for document in documents]
