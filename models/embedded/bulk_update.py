"""Bulk updates: many updates of one shape in one statement.

The evidence about thousands of users is saved at once when a crowd comes back. SQLite carries out one statement for all
of them while the event loop goes on, but for each of many statements it needs Python's interpreter, which only one
thread can use at a time.
"""

# ruff: noqa: S608 - names of tables and fields match FIELD, and all values are bound

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec
from pymongo import UpdateOne

from models.embedded.query import FIELD, Sql, column, where
from models.embedded.values import stored

# pymongo has no public way to read a request.
parts_of = operator.attrgetter("_filter", "_doc", "_upsert")
other_options_of = operator.attrgetter("_collation", "_array_filters", "_hint", "_sort")

_NO_OPTIONS = (None, None, None, None)
_NOTHING: dict[str, Any] = {}

_IDS = frozenset((int, str))
_SIMPLE = frozenset((str, int, bool, datetime, type(None)))

_encode = msgspec.json.Encoder().encode


class Shape(NamedTuple):
    """What updates of documents by their `_id` have in common."""

    conditions: tuple[tuple[str, str | None], ...]
    """What a document must equal besides."""
    set: tuple[str, ...]
    """The fields of $set."""
    max: tuple[str, ...]
    """The fields of $max, all of them with dates."""


Rows = list[list[Any]]
"""Of each update its `_id`, then the stored values of its fields in the order of the shape."""


class Counts(NamedTuple):
    """How many documents matched, and how many of them were changed."""

    matched: int
    modified: int


def rows_by_shape(requests: Sequence[object]) -> dict[Shape, Rows] | None:
    """The updates by shape, or None if they have to be carried out one by one.

    If each of them concerns another document, their order doesn't matter.
    """
    by_shape: dict[Shape, Rows] = {}
    ids = set[int | str]()
    for request in requests:
        parts = _read(request)
        if parts is None:
            return None
        shape, row = parts
        if shape not in by_shape and not _is_plain(shape):
            return None
        by_shape.setdefault(shape, []).append(row)
        ids.add(row[0])
    return by_shape if len(ids) == len(requests) else None


def update_all(connection: sqlite3.Connection, table: str, shape: Shape, rows: Rows) -> Counts:
    """Carry out the updates of one shape. Raises sqlite3.IntegrityError, and then nothing was changed."""
    count, update = _statements(table, shape)
    text = _encode(rows)
    if _may_stop_matching(shape):
        (matched,) = connection.execute(count.text, (text, *count.values)).fetchone()
        return Counts(matched, _modified(connection, update, text))
    modified = _modified(connection, update, text)
    if modified == len(rows):
        return Counts(modified, modified)
    (matched,) = connection.execute(count.text, (text, *count.values)).fetchone()
    return Counts(matched, modified)


def _may_stop_matching(shape: Shape) -> bool:
    """Whether a document that was updated may no longer equal what was asked for."""
    return any(field in shape.set or field in shape.max for field, _ in shape.conditions)


def _modified(connection: sqlite3.Connection, update: Sql, text: bytes) -> int:
    """Update, and return the number of changed documents."""
    connection.execute(update.text, (text, *update.values))
    (modified,) = connection.execute("SELECT changes()").fetchone()
    return int(modified)


def _read(request: object) -> tuple[Shape, list[Any]] | None:
    """The shape of an update, and its `_id` and values, if it can be carried out together with others."""
    if type(request) is not UpdateOne or other_options_of(request) != _NO_OPTIONS:
        return None
    condition, update, upsert = parts_of(request)
    set_fields, max_fields = update.get("$set", _NOTHING), update.get("$max", _NOTHING)
    row = [condition.get("_id"), *set_fields.values(), *max_fields.values()]
    if upsert or len(update) != bool(set_fields) + bool(max_fields) or type(row[0]) not in _IDS:
        return None
    if not all(map(_is_simple, row)) or any(type(value) is not datetime for value in max_fields.values()):
        return None
    conditions = tuple([item for item in condition.items() if item[0] != "_id"])
    return Shape(conditions, tuple(set_fields), tuple(max_fields)), [stored(value) for value in row]


def _is_simple(value: object) -> bool:
    """Whether SQLite writes the value as Python does. Of floats, it may write fewer digits."""
    kind = type(value)
    if kind is dict:
        return all(type(each) in _SIMPLE for each in cast("dict[str, object]", value).values())
    return kind in _SIMPLE


def _is_plain(shape: Shape) -> bool:
    """Whether all fields are top-level ones, and each is changed once."""
    changed = (*shape.set, *shape.max)
    named = (*changed, *(field for field, _ in shape.conditions))
    return (
        len(set(changed)) == len(changed)
        and "_id" not in changed
        and all(FIELD.fullmatch(field) for field in named)
        and all(value is None or type(value) is str for _, value in shape.conditions)
    )


@lru_cache(maxsize=64)
def _statements(table: str, shape: Shape) -> tuple[Sql, Sql]:
    """What counts the documents that match, and what updates them. Both take the JSON text of all rows first."""
    condition = where(dict(shape.conditions))
    rows = "json_each(CAST(? AS TEXT)) AS given"
    found = f'FROM {rows} CROSS JOIN "{table}" WHERE _id = {_given(0)} AND {condition.text}'
    updates = [f"""'$."{field}"', {_given(place + 1)}""" for place, field in enumerate(shape.set)]
    updates += [_latest(field, _given(len(shape.set) + place + 1)) for place, field in enumerate(shape.max)]
    changed = f"SELECT _id AS id, doc AS old, json_set(doc, {', '.join(updates)}) AS new {found}"
    text = (
        f'WITH changed AS MATERIALIZED ({changed}) UPDATE "{table}" SET doc = changed.new FROM changed'
        " WHERE _id = changed.id AND changed.new IS NOT changed.old"
    )
    return Sql(f"SELECT count(*) {found}", condition.values), Sql(text, condition.values)


def _given(place: int) -> str:
    return f"json_extract(given.value, '$[{place}]')"


def _latest(field: str, given: str) -> str:
    """The later one of two dates. Whatever else a document has there, dates come after it."""
    path = f"""'$."{field}"'"""
    return f"{path}, CASE WHEN {column(field)} < {given} THEN {given} ELSE json_extract(doc, {path}) END"
