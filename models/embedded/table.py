"""Table: one collection's documents in SQLite, and each operation on them. Runs on the writer's thread."""

# ruff: noqa: S608 - names of tables and fields match FIELD, all values are bound

from __future__ import annotations

import operator
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteError

from models.embedded.query import FIELD, Filter, Keys, Sql, index_columns, order, where
from models.embedded.update import Update, check_field
from models.embedded.values import check_id, from_json, load_document, restored, stored_document, to_json

Fields = dict[str, Any]

# Codes of MongoDB's own errors (its error_codes.yml).
INDEX_CONFLICT, DUPLICATE_KEY = 86, 11000

# pymongo offers no public way to read a request back.
_filter_and_update = operator.attrgetter("_filter", "_doc", "_upsert")
_other_options = operator.attrgetter("_collation", "_array_filters", "_hint", "_sort")


class Updated(NamedTuple):
    """What an update of one document did, in stored values: `before` is None after an upsert's insert, both
    when nothing matched."""

    before: Fields | None
    after: Fields | None
    is_modified: bool = False


class Table:
    """The table of one collection: (_id, doc), doc being the JSON text of the whole document."""

    def __init__(self, name: str) -> None:
        if not FIELD.fullmatch(name):
            raise NotImplementedError(f"the embedded store has no collection named {name!r}")
        self.name = name
        # The key column has no type, so that SQLite keeps 1 and "1" apart.
        self._create = f'CREATE TABLE IF NOT EXISTS "{name}" (_id PRIMARY KEY NOT NULL, doc TEXT) WITHOUT ROWID'
        self._insert = f'INSERT INTO "{name}" VALUES (?, CAST(? AS TEXT))'
        self._replace = f'UPDATE "{name}" SET doc = CAST(? AS TEXT) WHERE _id = ?'

    def rows(
        self, connection: sqlite3.Connection, condition: Sql, tail: str = "", tail_values: tuple[int, ...] = ()
    ) -> sqlite3.Cursor:
        """The JSON text of the documents that meet the condition, a row each."""
        connection.execute(self._create)
        text = f'SELECT doc FROM "{self.name}" WHERE {condition.text}{tail}'
        return connection.execute(text, condition.values + tail_values)

    def find(
        self, connection: sqlite3.Connection, filter: Filter, sort: Keys | None, skip: int, limit: int
    ) -> list[Fields]:
        """Documents that match; a limit of 0 means all."""
        if skip < 0 or limit < 0:
            raise NotImplementedError("the embedded store takes no negative skip or limit")
        condition = where(filter)
        found = self.rows(connection, condition, f"{order(sort)} LIMIT ? OFFSET ?", (limit or -1, skip))
        return [load_document(text) for (text,) in found]

    def count(self, connection: sqlite3.Connection, filter: Filter, limit: int) -> int:
        """How many documents match, counted up to a limit; a limit of 0 means all."""
        connection.execute(self._create)
        condition = where(filter)
        text = f'SELECT count(*) FROM (SELECT 1 FROM "{self.name}" WHERE {condition.text} LIMIT ?)'
        return int(connection.execute(text, (*condition.values, limit or -1)).fetchone()[0])

    def insert(self, connection: sqlite3.Connection, document: Mapping[str, Any]) -> None:
        """Add a document with an `_id`."""
        connection.execute(self._create)
        self._insert_stored(connection, _checked(document))

    def insert_many(
        self, connection: sqlite3.Connection, documents: Sequence[Mapping[str, Any]], ordered: bool
    ) -> None:
        """Add documents; a duplicate ends it when `ordered`, else the others go in all the same."""
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
        """Update the first document that matches."""
        row = self.rows(connection, where(filter), " LIMIT 1").fetchone()
        if row is not None:
            return self._update_stored(connection, row[0], update)
        if not upsert:
            return Updated(None, None)
        fields = _checked_stored(update.inserted_for(filter))
        self._insert_stored(connection, fields)
        return Updated(None, fields, True)

    def update_many(self, connection: sqlite3.Connection, filter: Filter, update: Update) -> list[Updated]:
        """Update every document that matches."""
        rows = self.rows(connection, where(filter)).fetchall()
        return [self._update_stored(connection, text, update) for (text,) in rows]

    def delete(self, connection: sqlite3.Connection, filter: Filter, *, only_first: bool) -> int:
        """Delete what matches, or the first of it; how many went."""
        connection.execute(self._create)
        condition = where(filter)
        chosen = f'SELECT _id FROM "{self.name}" WHERE {condition.text}{" LIMIT 1" if only_first else ""}'
        return connection.execute(f'DELETE FROM "{self.name}" WHERE _id IN ({chosen})', condition.values).rowcount

    def bulk_write(self, connection: sqlite3.Connection, requests: Iterable[object], ordered: bool) -> Fields:
        """Carry out each update; the counts, in the shape of MongoDB's answer to a bulk."""
        errors: list[Fields] = []
        upserted: list[Fields] = []
        matched = modified = 0
        for index, request in enumerate(requests):
            try:
                done = self.update_one(connection, *_request_parts(request))
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
        """Make an index unless it exists; another one of that name is an error, as in MongoDB."""
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
            raise OperationFailure(f"another index is named {name}", INDEX_CONFLICT)

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
        raise NotImplementedError(f"the embedded store knows no {type(request).__name__} in bulk_write")
    if any(option is not None for option in _other_options(request)):
        raise NotImplementedError("the embedded store knows filter, update and upsert of UpdateOne, no more")
    condition, update, upsert = _filter_and_update(request)
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
