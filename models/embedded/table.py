"""Table: the documents of one collection in SQLite, and the operations on them.

`find`, `count` and `count_by` run on a reader's thread, everything else on the writer's.
"""

# ruff: noqa: S608 - names of tables and fields match FIELD, and all values are bound

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteError

from models.collection import Document, Filter, Keys
from models.embedded.bulk_update import Rows, Shape, other_options_of, parts_of, rows_by_shape, update_all
from models.embedded.counting import Counting
from models.embedded.query import FIELD, Sql, column, index_columns, order, where
from models.embedded.update import Update, check_field
from models.embedded.values import (
    Fields,
    check_id,
    from_json,
    load_document,
    restored,
    stored_document,
    to_json,
)

# MongoDB's error codes (from its error_codes.yml).
INDEX_CONFLICT, INDEX_NOT_FOUND, DUPLICATE_KEY = 86, 27, 11000


class Updated(NamedTuple):
    """A document before and after an update, as stored values.

    `before` is None if an upsert inserted the document. Both are None if nothing matched.
    """

    before: Fields | None
    after: Fields | None
    is_modified: bool = False


class Table:
    """The table (_id, doc) of one collection. `doc` is the JSON text of the whole document."""

    def __init__(self, name: str) -> None:
        if not FIELD.fullmatch(name):
            raise NotImplementedError(f"the embedded store does not support a collection named {name!r}")
        self.name = name
        # The key column has no type, so that SQLite treats 1 and "1" as different keys.
        self._create = f'CREATE TABLE IF NOT EXISTS "{name}" (_id PRIMARY KEY NOT NULL, doc TEXT) WITHOUT ROWID'
        self._insert = f'INSERT INTO "{name}" VALUES (?, CAST(? AS TEXT))'
        self._exists = False
        """Whether a reader has seen the table. Tables are never dropped."""
        self._replace = f'UPDATE "{name}" SET doc = CAST(? AS TEXT) WHERE _id = ?'

    def rows(
        self, connection: sqlite3.Connection, condition: Sql, tail: str = "", tail_values: tuple[int, ...] = ()
    ) -> sqlite3.Cursor:
        """The JSON texts of the documents that meet the condition, one in each row."""
        text = f'SELECT doc FROM "{self.name}" WHERE {condition.text}{tail}'
        return connection.execute(text, condition.values + tail_values)

    def find(
        self, connection: sqlite3.Connection, filter: Filter, sort: Keys | None, skip: int, limit: int
    ) -> list[Document]:
        """The matching documents. A limit of 0 means no limit."""
        if skip < 0 or limit < 0:
            raise NotImplementedError("the embedded store does not support a negative skip or limit")
        condition = where(filter)
        tail = f"{order(sort)} LIMIT ? OFFSET ?"
        if not self._is_there(connection):
            return []
        found = self.rows(connection, condition, tail, (limit or -1, skip))
        return [load_document(text) for (text,) in found]

    def count(self, connection: sqlite3.Connection, filter: Filter, limit: int) -> int:
        """The number of matching documents, counted up to `limit`. A limit of 0 means no limit."""
        condition = where(filter)
        if not self._is_there(connection):
            return 0
        text = f'SELECT count(*) FROM (SELECT 1 FROM "{self.name}" WHERE {condition.text} LIMIT ?)'
        return int(connection.execute(text, (*condition.values, limit or -1)).fetchone()[0])

    def count_by(self, connection: sqlite3.Connection, counting: Counting) -> list[Document]:
        """The number of matching documents with each combination of values, as `$group` returns it."""
        condition = where(counting.filter)
        if not self._is_there(connection):
            return []
        columns = [column(field) for field in counting.fields.values()]
        places = ", ".join(str(place + 1) for place in range(len(columns)))
        text = f'SELECT {", ".join(columns)}, count(*) FROM "{self.name}" WHERE {condition.text} GROUP BY {places}'
        return [
            {"_id": counting.group_of(values), "count": number}
            for *values, number in connection.execute(text, condition.values)
        ]

    def insert(self, connection: sqlite3.Connection, document: Mapping[str, Any]) -> None:
        """Insert a document, which must have an `_id`."""
        connection.execute(self._create)
        self._insert_stored(connection, _checked(document))

    def insert_many(
        self, connection: sqlite3.Connection, documents: Sequence[Mapping[str, Any]], ordered: bool
    ) -> None:
        """Insert documents. After a duplicate, the rest is inserted only if not `ordered`."""
        connection.execute(self._create)
        errors: list[Fields] = []
        inserted = 0
        for index, fields in enumerate([_checked(document) for document in documents]):
            try:
                self._insert_stored(connection, fields)
                inserted += 1
            except DuplicateKeyError as error:
                errors.append(_write_error(index, error))
                if ordered:
                    break
        if errors:
            raise BulkWriteError(_bulk_result(errors, inserted=inserted))

    def update_one(self, connection: sqlite3.Connection, filter: Filter, update: Update, upsert: bool) -> Updated:
        """Update the first matching document."""
        connection.execute(self._create)
        return self._update_first(connection, filter, update, upsert)

    def _update_first(self, connection: sqlite3.Connection, filter: Filter, update: Update, upsert: bool) -> Updated:
        row = self.rows(connection, where(filter), " LIMIT 1").fetchone()
        if row is not None:
            return self._update_stored(connection, row[0], update)
        if not upsert:
            return Updated(None, None)
        fields = _checked_stored(update.inserted_for(filter))
        self._insert_stored(connection, fields)
        return Updated(None, fields, True)

    def update_many(self, connection: sqlite3.Connection, filter: Filter, update: Update) -> list[Updated]:
        """Update every matching document."""
        connection.execute(self._create)
        rows = self.rows(connection, where(filter)).fetchall()
        return [self._update_stored(connection, text, update) for (text,) in rows]

    def delete(self, connection: sqlite3.Connection, filter: Filter, *, only_first: bool) -> int:
        """Delete the matching documents, or only the first, and return the number of deleted ones."""
        connection.execute(self._create)
        condition = where(filter)
        chosen = f'SELECT _id FROM "{self.name}" WHERE {condition.text}{" LIMIT 1" if only_first else ""}'
        return connection.execute(f'DELETE FROM "{self.name}" WHERE _id IN ({chosen})', condition.values).rowcount

    def bulk_write(self, connection: sqlite3.Connection, requests: Sequence[object], ordered: bool) -> Fields:
        """Carry out the updates and return the counts in the form of MongoDB's answer to a bulk write."""
        connection.execute(self._create)
        by_shape = None if ordered else rows_by_shape(requests)
        together = None if by_shape is None else self._update_together(connection, by_shape)
        return self._update_one_by_one(connection, requests, ordered) if together is None else together

    def _update_together(self, connection: sqlite3.Connection, by_shape: Mapping[Shape, Rows]) -> Fields | None:
        """One statement for all updates of a shape, or None if one of them is refused, and then nothing is changed."""
        connection.execute("SAVEPOINT together")
        try:
            counts = [update_all(connection, self.name, shape, rows) for shape, rows in by_shape.items()]
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK TO together")
            return None
        finally:
            connection.execute("RELEASE together")
        return _bulk_result(
            [], matched=sum(each.matched for each in counts), modified=sum(each.modified for each in counts)
        )

    def _update_one_by_one(self, connection: sqlite3.Connection, requests: Sequence[object], ordered: bool) -> Fields:
        errors: list[Fields] = []
        upserted: list[Fields] = []
        matched = modified = 0
        for index, request in enumerate(requests):
            try:
                done = self._update_first(connection, *_request_parts(request))
            except WriteError as error:
                errors.append(_write_error(index, error))
                if ordered:
                    break
                continue
            matched += done.before is not None
            modified += done.before is not None and done.is_modified
            if done.before is None and done.after is not None:
                upserted.append({"index": index, "_id": restored(done.after["_id"])})
        result = _bulk_result(errors, matched=matched, modified=modified, upserted=upserted)
        if errors:
            raise BulkWriteError(result)
        return result

    def create_index(self, connection: sqlite3.Connection, keys: Keys, unique: bool, name: str) -> None:
        """Create an index unless it exists. As in MongoDB, a different index with the same name is an error."""
        connection.execute(self._create)
        full_name = f"{self.name}.{name}"
        kind = "UNIQUE INDEX" if unique else "INDEX"
        text = f'CREATE {kind} "{full_name}" ON "{self.name}" ({index_columns(keys)})'
        present = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (full_name,)).fetchone()
        if present is None:
            try:
                connection.execute(text)
            except sqlite3.IntegrityError as error:
                raise self._duplicate(error) from None
        elif present[0].decode() != text:
            raise OperationFailure(f"a different index is named {name}", INDEX_CONFLICT)

    def drop_index(self, connection: sqlite3.Connection, name: str) -> None:
        """Drop an index. As in MongoDB, it is an error if there is none."""
        full_name = f"{self.name}.{name}"
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (full_name,)).fetchone() is None:
            raise OperationFailure(f"index not found with name [{name}]", INDEX_NOT_FOUND)
        connection.execute('DROP INDEX "' + full_name.replace('"', '""') + '"')

    def _is_there(self, connection: sqlite3.Connection) -> bool:
        """Whether the table exists. The first write creates it, and a reader cannot."""
        if not self._exists:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (self.name,))
            self._exists = bool(found.fetchall())
        return self._exists

    def _insert_stored(self, connection: sqlite3.Connection, fields: Fields) -> None:
        try:
            connection.execute(self._insert, (fields["_id"], to_json(fields)))
        except sqlite3.IntegrityError as error:
            raise self._duplicate(error) from None

    def _update_stored(self, connection: sqlite3.Connection, text: bytes, update: Update) -> Updated:
        before = from_json(text)
        after = update.applied_to(before)
        after_text = to_json(after)
        if after_text == text:
            return Updated(before, after)
        try:
            connection.execute(self._replace, (after_text, after["_id"]))
        except sqlite3.IntegrityError as error:
            raise self._duplicate(error) from None
        return Updated(before, after, True)

    def _duplicate(self, error: sqlite3.IntegrityError) -> DuplicateKeyError:
        found = re.search(r"index '[^.]*\.(.*)'", str(error))
        index = found[1] if found else "_id_"
        message = f"E11000 duplicate key error collection: {self.name} index: {index}"
        return DuplicateKeyError(message, DUPLICATE_KEY, {"code": DUPLICATE_KEY, "errmsg": message})


def _checked(document: Mapping[str, Any]) -> Fields:
    return _checked_stored(stored_document(document))


def _checked_stored(fields: Fields) -> Fields:
    if "_id" not in fields:
        raise ValueError("a document needs an _id")
    check_id(fields["_id"])
    for field in fields:
        check_field(field)
    return fields


def _request_parts(request: object) -> tuple[Filter, Update, bool]:
    if not isinstance(request, UpdateOne):
        raise NotImplementedError(f"the embedded store does not support {type(request).__name__} in bulk_write")
    if any(option is not None for option in other_options_of(request)):
        raise NotImplementedError("the embedded store only supports filter, update and upsert of UpdateOne")
    condition, update, upsert = parts_of(request)
    return condition, Update(update), bool(upsert)


def _write_error(index: int, error: WriteError) -> Fields:
    details = error.details or {}
    return {**details, "index": index, "code": error.code, "errmsg": details.get("errmsg", str(error))}


def _bulk_result(
    errors: list[Fields],
    *,
    inserted: int = 0,
    matched: int = 0,
    modified: int = 0,
    upserted: Sequence[Fields] = (),
) -> Fields:
    return {
        "writeErrors": errors,
        "writeConcernErrors": [],
        "nInserted": inserted,
        "nMatched": matched,
        "nModified": modified,
        "nUpserted": len(upserted),
        "nRemoved": 0,
        "upserted": list(upserted),
    }
