"""Acknowledgements in the store: at most one for each issue, and only the one that is meant is removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.acknowledgements import Acknowledgement
from models.database import Database
from models.stores import Stores

pytestmark = pytest.mark.gen_test

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def test_a_later_acknowledgement_takes_the_place_of_an_earlier_one(stores: Stores, database: Database) -> None:
    mayas = Acknowledgement("long_call:c1", "maya", NOON, NOON + 10 * MINUTE)
    noors = Acknowledgement("long_call:c1", "noor", NOON + MINUTE, NOON + 6 * MINUTE)
    other = Acknowledgement("flapping:7", "maya", NOON, NOON + 5 * MINUTE)
    for each in (mayas, other, noors):
        await stores.acknowledgements.put(each)
    assert sorted(await stores.acknowledgements.all(), key=lambda each: each.key) == [other, noors]
    assert await database.collection("acknowledgements").find_one({"_id": "long_call:c1"}) == {
        "_id": "long_call:c1", "operator": "noor", "at": NOON + MINUTE, "until": NOON + 6 * MINUTE,
    }  # fmt: skip

    assert not await stores.acknowledgements.remove(mayas)
    assert await stores.acknowledgements.remove(noors)
    assert not await stores.acknowledgements.remove(noors)
    assert await stores.acknowledgements.all() == [other]


async def test_documents_of_another_program_are_left_out(stores: Stores, database: Database) -> None:
    await database.collection("acknowledgements").insert_many([{"_id": "x"}, {"_id": 7, "operator": 3}])
    assert await stores.acknowledgements.all() == []
