"""The contract of a collection, the same with the embedded store and with MongoDB through Motor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from models.database import Database
from models.guard import GuardedCollection

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


async def ids_found(things: GuardedCollection, filter: dict[str, Any], **how: Any) -> list[Any]:
    """Return the ids found, in the requested order, or else sorted as text."""
    found = [document["_id"] for document in await things.find(filter, **how)]
    return found if "sort" in how else sorted(found, key=repr)


async def count_duplicates(calls: list[Awaitable[Any]]) -> int:
    """Return how many of the calls fail as duplicates. None may fail otherwise."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(failure, DuplicateKeyError) for failure in failures), failures
    return len(failures)


async def test_a_document_comes_back_as_it_went_in(things: GuardedCollection) -> None:
    document: dict[str, Any] = {
        "_id": 1,
        "text": 'ünï\U0001f600 \U0010ffff "quoted" \'',
        "empty": "",
        "marked": "\U0010ffff!t",
        "integer": 2**63 - 1,
        "least": -(2**63),
        "float": 0.1,
        "whole_float": 3.0,
        "true": True,
        "false": False,
        "nothing": None,
        "date": NOON,
        "list": [1, "a", True, None, NOON, {"date": NOON}, ["\U0010ffff"]],
        "nested": {"date": NOON, "yes": True, "deeper": {"list": [NOON]}},
    }
    await things.insert_one(document)
    found = await things.find_one({"_id": 1})
    assert found is not None
    assert found == document
    assert {key: repr(value) for key, value in found.items()} == {key: repr(document[key]) for key in document}
    assert [type(value) for value in found.values()] == [type(value) for value in document.values()]


async def test_an_insert_alters_nothing_of_the_callers_document(things: GuardedCollection) -> None:
    document = {"_id": 1, "at": NOON, "flags": [True]}
    result = await things.insert_one(document)
    assert result.inserted_id == 1
    assert document == {"_id": 1, "at": NOON, "flags": [True]}


async def test_documents_come_back_as_copies_of_their_own(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "list": [1]})
    first = await things.find_one({"_id": 1})
    assert first is not None
    first["list"].append(2)
    assert await things.find_one({"_id": 1}) == {"_id": 1, "list": [1]}


@pytest.mark.parametrize("microsecond", [0, 999, 1_000, 123_456, 999_999])
@pytest.mark.parametrize("year", [1, 1900, 1969, 1970, 2026, 9999])
async def test_dates_are_kept_to_the_millisecond(things: GuardedCollection, year: int, microsecond: int) -> None:
    given = datetime(year, 12, 31, 23, 59, 59, microsecond, tzinfo=UTC)
    await things.insert_one({"_id": 1, "at": given})
    found = await things.find_one({"at": given})
    assert found is not None
    assert found["at"] == given.replace(microsecond=microsecond // 1000 * 1000)
    assert found["at"].utcoffset() == timedelta(0)


async def test_a_date_of_another_zone_is_the_same_moment(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "at": NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))})
    found = await things.find_one({"at": NOON})
    assert found is not None
    assert found["at"] == NOON
    assert found["at"].utcoffset() == timedelta(0)


async def test_an_integer_beyond_64_bits_is_refused(things: GuardedCollection) -> None:
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(OverflowError):
            await things.insert_one({"_id": 1, "number": number})
        with pytest.raises(OverflowError):
            await things.find({"number": number})
    assert await things.count_documents({}) == 0


async def test_one_and_text_one_and_true_are_three_ids(things: GuardedCollection) -> None:
    for identity in (1, "1", True):
        await things.insert_one({"_id": identity, "kind": type(identity).__name__})
    for identity in (1, "1", True):
        found = await things.find_one({"_id": identity})
        assert found is not None
        assert found == {"_id": identity, "kind": type(identity).__name__}
        assert type(found["_id"]) is type(identity)
    assert await things.find_one({"_id": "01"}) is None


async def test_booleans_and_numbers_do_not_equal_each_other(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": 1, "x": True}, {"_id": 2, "x": 1}, {"_id": 3, "x": False}, {"_id": 4, "x": 0}])
    assert await ids_found(things, {"x": True}) == [1]
    assert await ids_found(things, {"x": 1}) == [2]
    assert await ids_found(things, {"x": 1.0}) == [2]
    assert await ids_found(things, {"x": False}) == [3]
    assert await ids_found(things, {"x": {"$in": [0, True]}}) == [1, 4]
    assert await ids_found(things, {"x": {"$ne": True}}) == [2, 3, 4]


async def test_null_finds_null_and_missing(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": 1, "x": None}, {"_id": 2}, {"_id": 3, "x": 0}, {"_id": 4, "x": ""}])
    assert await ids_found(things, {"x": None}) == [1, 2]
    assert await ids_found(things, {"x": {"$ne": None}}) == [3, 4]
    assert await ids_found(things, {"x": {"$in": [None, 0]}}) == [1, 2, 3]
    assert await ids_found(things, {"x": {"$ne": 0}}) == [1, 2, 4]
    assert await ids_found(things, {"x": {"$in": []}}) == []


# Most types occur twice, so that a range over one type matches one value and skips the other.
OF_EACH_TYPE: list[dict[str, Any]] = [
    {"_id": "missing"},
    {"_id": "null", "x": None},
    {"_id": "int", "x": -5},
    {"_id": "float", "x": 7.5},
    {"_id": "text a", "x": "a"},
    {"_id": "text empty", "x": ""},
    {"_id": "text high", "x": "\U0010ffffz"},
    {"_id": "true", "x": True},
    {"_id": "false", "x": False},
    {"_id": "early", "x": datetime(1950, 1, 1, tzinfo=UTC)},
    {"_id": "late", "x": datetime(2050, 1, 1, tzinfo=UTC)},
    {"_id": "document", "x": {"a": 1}},
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"$gt": -100}, ["float", "int"]),
        ({"$gt": -5}, ["float"]),
        ({"$gte": -5}, ["float", "int"]),
        ({"$lt": 1e300}, ["float", "int"]),
        ({"$lt": 7.5}, ["int"]),
        ({"$lte": 7.5}, ["float", "int"]),
        ({"$gt": -5, "$lt": 7}, []),
        ({"$gte": ""}, ["text a", "text empty", "text high"]),
        ({"$gt": ""}, ["text a", "text high"]),
        ({"$lt": "b"}, ["text a", "text empty"]),
        ({"$lte": "\U0010ffffz"}, ["text a", "text empty", "text high"]),
        ({"$gt": "a", "$lt": "b"}, []),
        ({"$gt": False}, ["true"]),
        ({"$gte": False}, ["false", "true"]),
        ({"$lt": True}, ["false"]),
        ({"$gt": datetime(1, 1, 1, tzinfo=UTC)}, ["early", "late"]),
        ({"$lte": datetime(1970, 1, 1, tzinfo=UTC)}, ["early"]),
        ({"$gte": datetime(1970, 1, 1, tzinfo=UTC), "$lt": datetime(2051, 1, 1, tzinfo=UTC)}, ["late"]),
        ({"$in": [-5, "a", True]}, ["int", "text a", "true"]),
        ({"$ne": "a", "$gte": ""}, ["text empty", "text high"]),
        ('{"a":1}', []),
    ],
)
async def test_a_comparison_never_matches_another_type(
    things: GuardedCollection, condition: Any, expected: list[str]
) -> None:
    await things.insert_many(OF_EACH_TYPE)
    assert await ids_found(things, {"x": condition}) == [repr(name)[1:-1] for name in expected]


async def test_values_of_all_types_are_ordered_as_in_mongodb(things: GuardedCollection) -> None:
    await things.insert_many([document for document in OF_EACH_TYPE if document["_id"] != "document"])
    upwards = ["int", "float", "text empty", "text a", "text high", "false", "true", "early", "late"]
    found = await ids_found(things, {}, sort=[("x", 1), ("_id", 1)])
    assert found == ["missing", "null", *upwards]
    assert await ids_found(things, {}, sort=[("x", -1), ("_id", 1)]) == [*reversed(upwards), "missing", "null"]


async def test_conditions_on_several_fields_hold_together(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": i, "even": i % 2 == 0, "third": i % 3} for i in range(12)])
    assert await ids_found(things, {"even": True, "third": 0, "_id": {"$gt": 0}}, sort=[("_id", 1)]) == [6]
    either = {"$or": [{"third": 1, "even": True}, {"_id": {"$in": [0, 99]}}], "_id": {"$lt": 10}}
    assert await ids_found(things, either, sort=[("_id", 1)]) == [0, 4]
    assert await things.count_documents(either) == 2


async def test_ids_are_compared_within_their_type(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": identity} for identity in (-1, 0, 2**62, "", "a", "b")])
    assert await ids_found(things, {"_id": {"$gt": -1}}, sort=[("_id", 1)]) == [0, 2**62]
    assert await ids_found(things, {"_id": {"$gte": "a"}}, sort=[("_id", -1)]) == ["b", "a"]
    assert await ids_found(things, {"_id": {"$lt": "b"}}, sort=[("_id", 1)]) == ["", "a"]
    assert await ids_found(things, {"_id": {"$ne": "a", "$in": ["a", "b", 0]}}, sort=[("_id", 1)]) == [0, "b"]


async def test_pages_follow_each_other_without_gap_or_overlap(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": i, "group": i % 3, "at": NOON + timedelta(seconds=i)} for i in range(25)])
    how: dict[str, Any] = {"sort": [("group", 1), ("at", -1)]}
    everything = await ids_found(things, {}, **how)
    assert everything == sorted(range(25), key=lambda i: (i % 3, -i))
    pages = [await ids_found(things, {}, skip=skip, limit=10, **how) for skip in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [identity for page in pages for identity in page] == everything
    assert len(await things.find({}, limit=0)) == 25


async def test_documents_are_counted_by_the_values_of_fields(things: GuardedCollection) -> None:
    assert await things.count_by({}, ["kind"]) == []
    values: list[dict[str, Any]] = [
        {"kind": "a", "size": 1}, {"kind": "a", "size": 1}, {"kind": "a", "size": 2}, {"kind": "b"},
        {"kind": "b", "size": None}, {"kind": True, "size": 1.5, "at": NOON}, {"kind": "c", "hidden": True},
    ]  # fmt: skip
    await things.insert_many([{"_id": number, **each} for number, each in enumerate(values)])
    groups: dict[Any, int] = {}
    for group, number in await things.count_by({"hidden": {"$ne": True}}, ["kind", "size"]):
        groups[group] = groups.get(group, 0) + number  # a missing value and null may be two groups
    assert groups == {("a", 1): 2, ("a", 2): 1, ("b", None): 2, (True, 1.5): 1}
    assert await things.count_by({"at": {"$gte": NOON}}, ["at"]) == [((NOON,), 1)]


@pytest.mark.parametrize(("limit", "counted"), [(0, 8), (1, 1), (7, 7), (8, 8), (9, 8)])
async def test_a_count_goes_up_to_its_limit(things: GuardedCollection, limit: int, counted: int) -> None:
    await things.insert_many([{"_id": i, "small": i < 8} for i in range(10)])
    assert await things.count_documents({"small": True}, limit=limit) == counted


@pytest.mark.parametrize(
    ("projection", "expected"),
    [
        (None, {"_id": 1, "a": 1, "b": True, "c": None}),
        ({}, {"_id": 1, "a": 1, "b": True, "c": None}),
        ({"a": 1}, {"_id": 1, "a": 1}),
        ({"a": True, "missing": 1}, {"_id": 1, "a": 1}),
        ({"a": 1, "_id": 0}, {"a": 1}),
        ({"a": 0}, {"_id": 1, "b": True, "c": None}),
        ({"a": 0, "_id": 0}, {"b": True, "c": None}),
        ({"_id": 1}, {"_id": 1}),
        ({"_id": 0}, {"a": 1, "b": True, "c": None}),
        (["b"], {"_id": 1, "b": True}),
    ],
)
async def test_a_projection_chooses_fields(things: GuardedCollection, projection: Any, expected: Any) -> None:
    await things.insert_one({"_id": 1, "a": 1, "b": True, "c": None})
    assert await things.find_one({}, projection) == expected
    assert await things.find({"_id": 1}, projection) == [expected]


async def test_finding_nothing_gives_none_and_an_empty_list(things: GuardedCollection) -> None:
    assert await things.find_one({"_id": 1}) is None
    assert await things.find({}) == []
    assert await things.count_documents({}) == 0
    assert await things.find_one_and_update({"_id": 1}, {"$set": {"x": 1}}) is None
    assert (await things.delete_many({})).deleted_count == 0


async def test_an_update_tells_what_it_matched_and_modified(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "x": 1})
    results = [
        await things.update_one({"_id": 1}, {"$set": {"x": 2}}),
        await things.update_one({"_id": 1}, {"$set": {"x": 2}}),
        await things.update_one({"_id": 2}, {"$set": {"x": 2}}),
    ]
    told = [(result.matched_count, result.modified_count, result.upserted_id) for result in results]
    assert told == [(1, 1, None), (1, 0, None), (0, 0, None)]


async def test_update_many_changes_every_match(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": i, "group": i % 2, "x": i} for i in range(10)])
    result = await things.update_many({"group": 1}, {"$set": {"x": 3}})
    assert (result.matched_count, result.modified_count) == (5, 4)
    assert await things.count_documents({"x": 3}) == 5


async def test_each_operator_does_its_part_of_an_update(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "set": "a", "inc": 1, "max": 5})
    update = {
        "$set": {"set": "b", "set_new": None},
        "$inc": {"inc": 2, "inc_new": -1},
        "$max": {"max": 6, "max_new": NOON},
        "$setOnInsert": {"only_new": True},
    }
    assert (await things.update_one({"_id": 1}, update)).modified_count == 1
    expected = {"_id": 1, "set": "b", "set_new": None, "inc": 3, "inc_new": -1, "max": 6, "max_new": NOON}
    assert await things.find_one({"_id": 1}) == expected


@pytest.mark.parametrize(
    ("present", "operand", "greatest"),
    [
        (NOON, NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=1)),
        (NOON, NOON - timedelta(milliseconds=1), NOON),
        (datetime(1960, 1, 1, tzinfo=UTC), datetime(1950, 1, 1, tzinfo=UTC), datetime(1960, 1, 1, tzinfo=UTC)),
        (None, NOON, NOON),
        (NOON, None, NOON),
        (5, "a", "a"),
        (True, "a", True),
        (False, 10, False),
        (False, True, True),
        ("b", "a", "b"),
        (NOON, True, NOON),
        (2, 2.5, 2.5),
    ],
)
async def test_max_follows_the_order_of_all_types(
    things: GuardedCollection, present: Any, operand: Any, greatest: Any
) -> None:
    await things.insert_one({"_id": 1, "high": present})
    await things.update_one({"_id": 1}, {"$max": {"high": operand}})
    found = await things.find_one({"_id": 1})
    assert found is not None
    assert found["high"] == greatest
    assert type(found["high"]) is type(greatest)


async def test_incrementing_what_is_no_number_is_an_error_and_changes_nothing(things: GuardedCollection) -> None:
    for value in ("1", True, NOON):
        await things.update_one({"_id": 1}, {"$set": {"x": value, "y": 1}}, upsert=True)
        with pytest.raises(WriteError):
            await things.update_one({"_id": 1}, {"$set": {"y": 2}, "$inc": {"x": 1}})
        assert await things.find_one({"_id": 1}) == {"_id": 1, "x": value, "y": 1}


async def test_an_id_cannot_be_changed(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1})
    with pytest.raises(WriteError):
        await things.update_one({"_id": 1}, {"$set": {"_id": 2}})
    assert (await things.update_one({"_id": 1}, {"$set": {"_id": 1, "x": 1}})).modified_count == 1
    assert await things.find({}) == [{"_id": 1, "x": 1}]


async def test_an_upsert_starts_from_the_filters_equalities(things: GuardedCollection) -> None:
    condition = {"_id": "new", "equal": True, "range": {"$lte": 5}, "none": None}
    update = {"$set": {"at": NOON}, "$setOnInsert": {"made": NOON}, "$inc": {"count": 1}, "$max": {"top": 3}}
    result = await things.update_one(condition, update, upsert=True)
    assert (result.matched_count, result.modified_count, result.upserted_id) == (0, 0, "new")
    made = {"_id": "new", "equal": True, "none": None, "at": NOON, "made": NOON, "count": 1, "top": 3}
    assert await things.find_one({}) == made
    again = await things.update_one({"_id": "new"}, {"$setOnInsert": {"made": None}, "$inc": {"count": 1}}, upsert=True)
    assert (again.matched_count, again.modified_count, again.upserted_id) == (1, 1, None)
    assert await things.find_one({}) == made | {"count": 2}


async def test_an_upsert_whose_filter_misses_an_id_that_exists_is_a_duplicate(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "state": "taken"})
    with pytest.raises(DuplicateKeyError):
        await things.update_one({"_id": 1, "state": "free"}, {"$set": {"x": 1}}, upsert=True)
    assert await things.find({}) == [{"_id": 1, "state": "taken"}]


async def test_find_one_and_update_gives_the_document_before_or_after(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "n": 1, "at": NOON})
    before = await things.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}})
    after = await things.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER)
    assert before == {"_id": 1, "n": 1, "at": NOON}
    assert after == {"_id": 1, "n": 3, "at": NOON}
    assert await things.find_one_and_update({"_id": 2}, {"$inc": {"n": 1}}, upsert=True) is None
    made = await things.find_one_and_update(
        {"_id": 3}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert made == {"_id": 3, "n": 1}
    assert await things.count_documents({}) == 3


async def test_deletes_tell_how_many_went(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": i, "odd": i % 2 == 1} for i in range(9)])
    assert (await things.delete_one({"odd": True})).deleted_count == 1
    assert await things.count_documents({"odd": True}) == 3
    assert (await things.delete_one({"_id": 99})).deleted_count == 0
    assert (await things.delete_many({"odd": True})).deleted_count == 3
    assert await ids_found(things, {}, sort=[("_id", 1)]) == [0, 2, 4, 6, 8]


async def test_a_duplicate_id_is_an_error_of_its_own(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "x": "first"})
    with pytest.raises(DuplicateKeyError) as caught:
        await things.insert_one({"_id": 1, "x": "second"})
    assert caught.value.code == 11000
    assert await things.find({}) == [{"_id": 1, "x": "first"}]


async def test_an_ordered_insert_many_ends_at_the_first_duplicate(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 2})
    with pytest.raises(BulkWriteError) as caught:
        await things.insert_many([{"_id": i} for i in (1, 2, 3, 2)])
    assert [(error["index"], error["code"]) for error in caught.value.details["writeErrors"]] == [(1, 11000)]
    assert all(error["errmsg"] for error in caught.value.details["writeErrors"])
    assert await ids_found(things, {}, sort=[("_id", 1)]) == [1, 2]


async def test_an_unordered_insert_many_inserts_all_that_it_can(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 2})
    with pytest.raises(BulkWriteError) as caught:
        await things.insert_many([{"_id": i} for i in (1, 2, 3, 2)], ordered=False)
    errors = caught.value.details["writeErrors"]
    assert sorted((error["index"], error["code"]) for error in errors) == [(1, 11000), (3, 11000)]
    assert await ids_found(things, {}, sort=[("_id", 1)]) == [1, 2, 3]
    assert (await things.insert_many([{"_id": "a"}, {"_id": "b"}])).inserted_ids == ["a", "b"]


async def test_a_bulk_updates_and_upserts(things: GuardedCollection) -> None:
    await things.insert_many([{"_id": i, "at": NOON} for i in range(100)])
    later = NOON + timedelta(seconds=1)
    updates = [UpdateOne({"_id": i}, {"$set": {"on": True}, "$max": {"at": later}}, upsert=True) for i in range(500)]
    result = await things.bulk_write([*updates, UpdateOne({"_id": -1}, {"$set": {"on": True}})], ordered=False)
    assert (result.matched_count, result.modified_count, result.upserted_count) == (100, 100, 400)
    assert await things.count_documents({"on": True, "at": later}) == 500
    again = await things.bulk_write(updates, ordered=False)
    assert (again.matched_count, again.modified_count, again.upserted_count) == (500, 0, 0)


async def test_an_unordered_bulk_tells_which_update_failed(things: GuardedCollection) -> None:
    await things.create_index([("name", 1)], unique=True)
    await things.insert_many([{"_id": i, "name": f"name {i}"} for i in range(3)])
    updates = [UpdateOne({"_id": i}, {"$set": {"name": name}}) for i, name in enumerate(["a", "a", "c"])]
    with pytest.raises(BulkWriteError) as caught:
        await things.bulk_write(updates, ordered=False)
    assert [(error["index"], error["code"]) for error in caught.value.details["writeErrors"]] == [(1, 11000)]
    changed = await ids_found(things, {"name": {"$in": ["a", "b", "c"]}}, sort=[("_id", 1)])
    assert changed == [0, 2]


async def test_a_unique_index_holds_for_inserts_and_updates(things: GuardedCollection) -> None:
    await things.create_index([("name", 1)], unique=True, name="names")
    await things.insert_many([{"_id": 1, "name": "a"}, {"_id": 2, "name": "b"}, {"_id": 3}])
    with pytest.raises(DuplicateKeyError) as caught:
        await things.insert_one({"_id": 4, "name": "a"})
    assert caught.value.code == 11000
    assert "index: names" in str(caught.value)
    with pytest.raises(DuplicateKeyError):
        await things.update_one({"_id": 2}, {"$set": {"name": "a"}})
    with pytest.raises(DuplicateKeyError):
        await things.find_one_and_update({"_id": 2}, {"$set": {"name": "a"}})
    with pytest.raises(DuplicateKeyError):
        await things.update_one({"_id": 5}, {"$set": {"name": "b"}}, upsert=True)
    await things.update_one({"_id": 1}, {"$set": {"name": "a", "x": 1}})
    await things.insert_one({"_id": 6, "name": "A"})
    assert await ids_found(things, {"name": "b"}) == [2]
    assert await things.count_documents({}) == 4


async def test_a_unique_index_counts_null_and_missing_as_one_value(things: GuardedCollection) -> None:
    await things.create_index([("name", 1)], unique=True)
    await things.insert_one({"_id": 1, "name": None})
    with pytest.raises(DuplicateKeyError):
        await things.insert_one({"_id": 2})


async def test_a_unique_index_over_two_fields_is_about_both(things: GuardedCollection) -> None:
    await things.create_index([("a", 1), ("b", -1)], unique=True)
    await things.insert_many([{"_id": 1, "a": 1, "b": 1}, {"_id": 2, "a": 1, "b": True}, {"_id": 3, "a": 1}])
    with pytest.raises(DuplicateKeyError):
        await things.insert_one({"_id": 4, "a": 1, "b": 1})


async def test_an_index_is_dropped_if_it_is_there(things: GuardedCollection) -> None:
    await things.drop_index("name_1")  # not even the collection is there
    await things.create_index([("name", 1)], unique=True)
    await things.drop_index("name_1")
    await things.drop_index("name_1")
    await things.insert_many([{"_id": 1, "name": "same"}, {"_id": 2, "name": "same"}])
    assert await things.count_documents({"name": "same"}) == 2


async def test_an_index_is_made_once_and_named(things: GuardedCollection) -> None:
    keys = [("a", 1), ("b", -1)]
    assert await things.create_index(keys) == "a_1_b_-1"
    assert await things.create_index(keys) == "a_1_b_-1"
    assert await things.create_index([("c", 1)], name="by_c") == "by_c"
    await things.insert_many([{"_id": i, "a": i % 2, "b": i} for i in range(6)])
    assert await ids_found(things, {"a": 1}, sort=[("a", 1), ("b", -1)]) == [5, 3, 1]


async def test_collections_of_one_database_are_apart(database: Database) -> None:
    await database.collection("one").insert_one({"_id": 1})
    assert await database.collection("other").find({}) == []


async def test_of_100_inserts_of_one_id_one_wins(things: GuardedCollection) -> None:
    assert await count_duplicates([things.insert_one({"_id": "lock", "by": i}) for i in range(100)]) == 99
    assert await things.count_documents({}) == 1


async def test_of_100_inserts_of_one_unique_value_one_wins(things: GuardedCollection) -> None:
    await things.create_index([("name", 1)], unique=True)
    assert await count_duplicates([things.insert_one({"_id": i, "name": "same"}) for i in range(100)]) == 99
    assert await things.count_documents({}) == 1


async def test_of_50_compare_and_sets_one_wins(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "state": "free"})
    updates = [things.update_one({"_id": 1, "state": "free"}, {"$set": {"state": i}}) for i in range(50)]
    assert sum(result.modified_count for result in await asyncio.gather(*updates)) == 1
    swaps = [things.find_one_and_update({"_id": 1, "next": None}, {"$set": {"next": i}}) for i in range(50)]
    assert sum(before is not None for before in await asyncio.gather(*swaps)) == 1


async def test_200_increments_at_once_count_200(things: GuardedCollection) -> None:
    await things.insert_one({"_id": 1, "n": 0})
    increments = [
        things.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER)
        for _ in range(200)
    ]
    seen = [after["n"] for after in await asyncio.gather(*increments) if after]
    assert sorted(seen) == list(range(1, 201))


async def test_50_upserts_of_one_id_make_one_document(things: GuardedCollection) -> None:
    upserts = [things.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True) for _ in range(50)]
    failed = await count_duplicates(list(upserts))
    assert await things.find({}) == [{"_id": 1, "n": 50 - failed}]


async def test_a_ping_is_answered(database: Database) -> None:
    await database.ping()
    assert not database.breaker.is_open
