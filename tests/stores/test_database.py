"""Opening a store, and a MongoDB that is unavailable, comes back, or is not suitable."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from models.database import Database, open_database
from models.errors import StoreUnavailable
from models.mongodb import check_server
from tests.mongo import MongoServer
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=120)


async def until_it_answers(database: Database) -> None:
    """Retry until the store answers. The test's own timeout bounds it."""
    while True:
        try:
            await database.ping()
        except StoreUnavailable:
            await asyncio.sleep(0.02)
        else:
            return


async def test_without_a_url_the_store_is_a_file_in_the_data_directory(tmp_path: Path) -> None:
    database = await open_database(store_settings(tmp_path / "data"))
    await database.collection("things").insert_one({"_id": 1})
    await database.close()
    assert (tmp_path / "data" / "rollcall.db").exists()


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=str(tmp_path / "data")):
        await open_database(store_settings(tmp_path / "data"))


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "rollcall.db").write_text("no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StoreUnavailable, match=r"rollcall\.db"):
        await open_database(store_settings(tmp_path))


async def test_an_unreachable_server_is_named_without_credentials(tmp_path: Path) -> None:
    url = "mongodb://somebody:hidden@127.0.0.1:1/?authSource=admin"
    with pytest.raises(StoreUnavailable) as caught:
        await open_database(store_settings(tmp_path, mongodb_url=url, store_deadline_seconds=0.1))
    assert "127.0.0.1:1" in str(caught.value)
    assert "somebody" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "mongodb://", "mongodb://somebody:hid@den@host/", "mongodb://host:hidden/",
        "mongodb://hidden:12/34@host/", "mongodb://hidden:12/34@host", "mongodb://hidden:12?34@host/",
        "mongodb://somebody:hid%gen@host/", "mongodb://somebody:hid:den@host/", "mongodb://host/?hidden=1",
        "mongodb://host/?tls=true&tlsCAFile=/hidden.pem", "mongodb://host\x00hidden/", "mongodb://host/?tls=hidden",
    ],
)  # fmt: skip
async def test_a_bad_url_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreUnavailable, match="MONGODB_URL is not a MongoDB URL") as caught:
        await open_database(store_settings(tmp_path, mongodb_url=url))
    assert "hid" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_unreachable_server_is_named_with_its_ipv6_address_in_brackets(tmp_path: Path) -> None:
    url = "mongodb://[::1]:1,127.0.0.1:1/"
    with pytest.raises(StoreUnavailable, match=r"no MongoDB answers at \[::1\]:1, 127\.0\.0\.1:1; start it"):
        await open_database(store_settings(tmp_path, mongodb_url=url, store_deadline_seconds=0.1))


async def test_a_warning_of_the_driver_does_not_print_a_part_of_the_url(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    url = "mongodb://127.0.0.1:1/?compressors=hidden"
    with pytest.raises(StoreUnavailable):
        await open_database(store_settings(tmp_path, mongodb_url=url, store_deadline_seconds=0.1))
    assert [str(each.message) for each in recwarn if "hidden" in str(each.message)] == []


class AnsweringServer:
    """A database whose server reports its version, or fails."""

    def __init__(self, *, wire_version: int = 13, error: PyMongoError | None = None) -> None:
        self._wire_version = wire_version
        self._error = error

    async def command(self, _: str) -> dict[str, int]:
        return {"maxWireVersion": self._wire_version}

    async def list_collection_names(self) -> list[str]:
        if self._error:
            raise self._error
        return []


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (AnsweringServer(wire_version=9), "host:1 is too old"),
        (AnsweringServer(error=ConfigurationError("wire version")), "host:1 is too old"),
        (
            AnsweringServer(error=OperationFailure("no", 18, {"codeName": "AuthenticationFailed"})),
            "AuthenticationFailed",
        ),
    ],
)
async def test_a_server_that_will_not_do_is_refused_in_words(server: Any, told: str) -> None:
    with pytest.raises(StoreUnavailable, match=told):
        await check_server(server, "host:1")


async def test_a_server_that_will_do_is_taken() -> None:
    await check_server(cast("Any", AnsweringServer()), "host:1")


@pytest.mark.slow
async def test_a_server_that_hangs_costs_no_caller_more_than_its_deadline(
    tmp_path: Path, killable_mongo_server: MongoServer
) -> None:
    settings = store_settings(tmp_path / "data", mongodb_url=killable_mongo_server.url, store_deadline_seconds=2.0)
    database = await open_database(settings)
    things = database.collection("things")
    await things.create_index([("x", 1)])
    killable_mongo_server.pause()
    hung = await asyncio.gather(*(things.find({"x": i}) for i in range(50)), return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) for error in hung)
    assert database.breaker.is_open
    killable_mongo_server.resume()
    await until_it_answers(database)
    assert await things.find({}) == []
    await database.close()


@pytest.mark.slow
async def test_a_server_that_dies_and_returns_is_used_again_with_what_it_had(
    tmp_path: Path, killable_mongo_server: MongoServer
) -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    name = killable_mongo_server.fresh_database("outage")
    settings = store_settings(
        tmp_path / "data", mongodb_url=killable_mongo_server.url, mongodb_database=name, store_deadline_seconds=2.0
    )
    database = await open_database(settings)
    things = database.collection("things")
    await things.insert_one({"_id": "before"})
    killable_mongo_server.kill()
    lost = await asyncio.gather(*(things.insert_one({"_id": i}) for i in range(20)), return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) for error in lost)
    assert database.breaker.is_open
    killable_mongo_server.start()
    await until_it_answers(database)
    await things.insert_one({"_id": "after"})
    assert {"before", "after"} <= {document["_id"] for document in await things.find({})}
    await database.close()
    del lost
    gc.collect()
    assert noise == []
