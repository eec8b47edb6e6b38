"""Random operations have the same effect on a collection as on plain dictionaries."""

from __future__ import annotations

import asyncio
import operator
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.database import open_database
from models.guard import GuardedCollection
from tests.mongo import MongoServer
from tests.stores.conftest import store_settings

Document = dict[str, Any]
Operation = tuple[str, Any, Any]

MOMENTS = [datetime(year, 1, 1, 0, 0, 0, 1000, tzinfo=UTC) for year in (1960, 2026)]
TEXTS = ["", "a", "b", "\U0010ffff", "{}", "1"]
VALUES = [-1, 0, 1, 1.5, True, False, *TEXTS, *MOMENTS]
IDS = [0, 1, 2, "0", "a", True]
FIELDS = ["x", "y"]

values = st.sampled_from(VALUES)
fields = st.sampled_from(FIELDS)
comparisons = st.one_of(
    values,
    st.none(),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$ne"]), values).map(lambda pair: dict([pair])),
    st.lists(values | st.none(), max_size=3).map(lambda items: {"$in": items}),
)
conditions = st.dictionaries(fields, comparisons, max_size=2)
by_id = st.sampled_from(IDS).map(lambda identity: {"_id": identity})
filters = st.one_of(
    by_id,
    conditions,
    st.lists(conditions | by_id, min_size=1, max_size=2).map(lambda branches: {"$or": branches}),
)
updates = st.dictionaries(fields, st.tuples(st.sampled_from(["$set", "$max"]), values), min_size=1).map(
    lambda changes: {
        name: {field: operand for field, (each, operand) in changes.items() if each == name}
        for name in {each for each, _ in changes.values()}
    }
)
upserts = st.tuples(by_id, updates)
nested = st.dictionaries(fields, values | st.none(), max_size=2)
one_of_all = st.tuples(by_id, st.dictionaries(fields, st.sampled_from([None, *TEXTS]), max_size=1)).map(
    lambda parts: {**parts[1], **parts[0]}
)
setting = st.fixed_dictionaries({"z": nested}, optional={"x": values | st.none(), "y": values})
latest = st.dictionaries(fields, st.sampled_from(MOMENTS), min_size=1)
changes = updates | setting.map(lambda each: {"$set": each}) | latest.map(lambda each: {"$max": each})
updates_of_all = st.lists(st.tuples(one_of_all, changes), min_size=1, max_size=5)
documents = st.fixed_dictionaries({"_id": st.sampled_from(IDS)}, optional={"x": values | st.none(), "y": values})
updates_together = st.lists(
    st.tuples(
        one_of_all.filter(lambda each: each["_id"] is not True),
        setting.map(lambda each: {"$set": {name: value for name, value in each.items() if value != 1.5}})
        | latest.map(lambda each: {"$max": each}),
    ),
    min_size=1,
    max_size=4,
)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("insert_one"), documents, st.none()),
    st.tuples(st.just("insert_many"), st.lists(documents, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("update_many"), filters, updates),
    st.tuples(st.just("bulk_write"), st.lists(upserts, min_size=1, max_size=4), st.none()),
    st.tuples(st.just("update_all"), updates_of_all, st.none()),
    st.tuples(st.just("delete_many"), filters, st.none()),
    st.tuples(st.just("find"), filters, st.sampled_from([("x", 1), ("x", -1), ("y", 1)])),
    st.tuples(st.just("count_documents"), filters, st.none()),
)


def place(value: Any) -> tuple[int, Any]:
    """Return a value's place in MongoDB's order: first by type, then by value."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 3, value
    if isinstance(value, int | float):
        return 1, value
    return (2, value.encode()) if isinstance(value, str) else (4, value)


COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class PlainCollection:
    """A model of a collection, made of a dictionary."""

    def __init__(self) -> None:
        self._documents: dict[tuple[int, Any], Document] = {}

    def insert_one(self, document: Document, _: None) -> Any:
        if place(document["_id"]) in self._documents:
            return "duplicate"
        self._documents[place(document["_id"])] = dict(document)
        return None

    def insert_many(self, given: list[Document], ordered: bool) -> Any:
        failed: list[int] = []
        for index, document in enumerate(given):
            if self.insert_one(document, None):
                failed.append(index)
                if ordered:
                    break
        return failed or None

    def update_many(self, filter: Document, update: Document) -> Any:
        found = self._matches(filter)
        return len(found), sum(self._update(document, update) for document in found)

    def bulk_write(self, given: list[tuple[Document, Document]], _: None) -> Any:
        matched = modified = upserted = 0
        for by_id, update in given:
            found = self._matches(by_id)[:1]
            if not found:
                self.insert_one(by_id, None)
                self._update(self._documents[place(by_id["_id"])], update)
                upserted += 1
            matched += len(found)
            modified += sum(self._update(document, update) for document in found)
        return matched, modified, upserted

    def update_all(self, given: list[tuple[Document, Document]], _: None) -> Any:
        matched = modified = 0
        for one, update in given:
            for document in self._matches(one)[:1]:
                matched += 1
                modified += self._update(document, update)
        return matched, modified

    def delete_many(self, filter: Document, _: None) -> Any:
        found = self._matches(filter)
        for document in found:
            del self._documents[place(document["_id"])]
        return len(found)

    def count_documents(self, filter: Document, _: None) -> Any:
        return len(self._matches(filter))

    def find(self, filter: Document, sort: tuple[str, int]) -> Any:
        field, direction = sort
        found = sorted(self._matches(filter), key=lambda document: place(document["_id"]))
        return sorted(found, key=lambda document: place(document.get(field)), reverse=direction < 0)

    def _matches(self, filter: Document) -> list[Document]:
        return [document for document in self._documents.values() if self._meets(document, filter)]

    def _meets(self, document: Document, filter: Document) -> bool:
        if "$or" in filter:
            return any(self._meets(document, branch) for branch in filter["$or"])
        return all(self._holds(place(document.get(field)), condition) for field, condition in filter.items())

    def _holds(self, present: tuple[int, Any], condition: Any) -> bool:
        if not isinstance(condition, dict):
            return present == place(condition)
        ((name, operand),) = cast("Document", condition).items()
        if name == "$in":
            return present in [place(each) for each in operand]
        if name == "$ne":
            return present != place(operand)
        return present[0] == place(operand)[0] and COMPARE[name](present, place(operand))

    def _update(self, document: Document, update: Document) -> bool:
        before = repr(sorted(document.items()))
        for name, changes in update.items():
            for field, operand in changes.items():
                self._change(document, name, field, operand)
        return repr(sorted(document.items())) != before

    def _change(self, document: Document, name: str, field: str, operand: Any) -> None:
        if name == "$set" or field not in document or place(operand) > place(document[field]):
            document[field] = operand


async def carried_out(things: GuardedCollection, operation: Operation) -> Any:
    """Run an operation. Returns the result in the form of the plain collection's results."""
    try:
        return await _answer(things, *operation)
    except DuplicateKeyError:
        return "duplicate"
    except BulkWriteError as error:
        return [failure["index"] for failure in error.details["writeErrors"]]


async def _answer(things: GuardedCollection, name: str, first: Any, second: Any) -> Any:
    match name:
        case "insert_one":
            await things.insert_one(first)
        case "insert_many":
            await things.insert_many(first, ordered=second)
        case "update_many":
            updated = await things.update_many(first, second)
            return updated.matched_count, updated.modified_count
        case "bulk_write":
            written = await things.bulk_write([UpdateOne(each, update, upsert=True) for each, update in first])
            return written.matched_count, written.modified_count, written.upserted_count
        case "update_all":
            written = await things.bulk_write([UpdateOne(*each) for each in first], ordered=False)
            return written.matched_count, written.modified_count
        case "delete_many":
            return (await things.delete_many(first)).deleted_count
        case "count_documents":
            return await things.count_documents(first)
        case _:
            return await things.find(first, sort=[second, ("_id", 1)])
    return None


def exact(answer: Any) -> str:
    """Return a text that tells 1, 1.0 and True apart, but ignores the order of fields."""
    if not isinstance(answer, list):
        return repr(answer)
    items = cast("list[Any]", answer)
    return repr([sorted(cast("Document", each).items()) if isinstance(each, dict) else each for each in items])


async def assert_answers_agree(things: GuardedCollection, trace: list[Operation]) -> None:
    """Run the operations on both, and check that every result and the final contents are the same."""
    plain = PlainCollection()
    everything: Operation = ("find", {}, ("y", 1))
    for name, first, second in [*trace, everything]:
        expected = getattr(plain, name)(first, second)
        assert exact(await carried_out(things, (name, first, second))) == exact(expected), name


async def run_embedded(trace: list[Operation]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(store_settings(Path(folder)))
        await database.collection("things").create_index([("x", 1), ("y", -1)])
        await assert_answers_agree(database.collection("things"), trace)
        await database.close()


async def run_mongodb(server: MongoServer, trace: list[Operation]) -> None:
    changes = {"mongodb_url": server.url, "mongodb_database": server.fresh_database("operations")}
    database = await open_database(store_settings(Path("unused"), **changes))
    await assert_answers_agree(database.collection("things"), trace)
    await database.close()


traces = st.lists(operations, min_size=1, max_size=15)


@pytest.mark.usefixtures("without_coverage")
@settings(max_examples=150, deadline=None)
@given(trace=traces)
def test_the_embedded_store_does_what_dictionaries_do(trace: list[Operation]) -> None:
    asyncio.run(run_embedded(trace))


@pytest.mark.usefixtures("without_coverage")
@settings(max_examples=150, deadline=None)
@given(present=st.lists(documents, min_size=3, max_size=8), rounds=st.lists(updates_together, min_size=1, max_size=3))
def test_updates_that_are_carried_out_together_do_what_dictionaries_do(
    present: list[Document], rounds: list[list[tuple[Document, Document]]]
) -> None:
    inserted: Operation = ("insert_many", present, False)
    asyncio.run(run_embedded([inserted, *(("update_all", each, None) for each in rounds)]))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(trace=traces)
def test_mongodb_does_what_dictionaries_do(mongo_server: MongoServer, trace: list[Operation]) -> None:
    asyncio.run(run_mongodb(mongo_server, trace))
