"""MongoDB: connects to it through Motor, and checks that it can be used."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import UTC
from typing import Any

from bson import CodecOptions, Int64
from bson.codec_options import TypeDecoder, TypeRegistry
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.uri_parser import parse_uri

from models.errors import StoreUnavailable
from models.guard import is_unavailable, reason_of
from settings import Settings

MotorDatabase = AsyncIOMotorDatabase[dict[str, Any]]

# MongoDB 5.0, whose hello reports maxWireVersion 13. Queries and write concerns are not tested with older versions.
WIRE_VERSION_MINIMUM = 13

# More than Motor has threads (5 per core), so that no call waits for a connection.
POOL_SIZE = 50

DRIVER_SHARE = 0.8
"""The driver's share of the deadline of a call. It gives up first, so that its error shows whether MongoDB is
unreachable or the query was slow, which MongoDB itself reports (maxTimeMS).
"""

HEARTBEAT_MILLISECONDS = 1_000
"""How often the driver checks whether the server is back. Its default of 10 s would delay recovery."""


async def open_mongodb(settings: Settings) -> tuple[MotorDatabase, Callable[[], None]]:
    """Return the database that the settings name, and what closes the connections. Raises StoreUnavailable."""
    try:
        with warnings.catch_warnings(action="ignore"):
            address = _address(settings.mongodb_url)
            client = _motor_client(settings)
    except (PyMongoError, ValueError, TypeError, OSError):
        # The driver's errors and warnings may quote a password, so they are not passed on.
        raise StoreUnavailable(
            "MONGODB_URL is not a MongoDB URL, or names an unknown host, option or file; write "
            "mongodb://[user:password@]host:port/, and special characters in the user and password as %XX (@ is %40)"
        ) from None
    # Whatever the URL says: a secondary may not have yet what was just written.
    database = client.get_database(
        settings.mongodb_database, codec_options=_codec_options(), read_preference=ReadPreference.PRIMARY
    )
    try:
        await check_server(database, address)
    except BaseException:
        client.close()
        raise
    return database, client.close


def _address(url: str) -> str:
    """Host and port of each server in the URL, without credentials. Raises PyMongoError, ValueError, TypeError.

    An @ after the first slash is refused: the slash is most likely part of a password, and the driver would take the
    user name for a host.
    """
    behind_the_hosts = re.split("[/?]", url.partition("://")[2], maxsplit=1)[1:]
    if "@" in "".join(behind_the_hosts) or not url.isprintable():
        raise ValueError
    return ", ".join(
        (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")  # a Unix socket has no port
        for host, port in parse_uri(url)["nodelist"]
    )


def _motor_client(settings: Settings) -> AsyncIOMotorClient[dict[str, Any]]:
    """Motor for asyncio rather than for Tornado, so that the command line needs no Tornado loop.

    The driver gets most of the deadline too, because a caller that gives up does not free Motor's thread. Writes are
    acknowledged from the journals of a majority: a 2xx is on disk.
    """
    deadline_milliseconds = round(settings.store_deadline_seconds * 1000 * DRIVER_SHARE)
    return AsyncIOMotorClient(
        settings.mongodb_url,
        appname="rollcall",
        timeoutMS=deadline_milliseconds,
        serverSelectionTimeoutMS=deadline_milliseconds,
        connectTimeoutMS=deadline_milliseconds,
        heartbeatFrequencyMS=HEARTBEAT_MILLISECONDS,
        maxPoolSize=POOL_SIZE,
        w="majority",
        journal=True,
    )


class PlainIntegers(TypeDecoder):
    """Decodes 64-bit integers as Python's int, because msgspec does not encode bson's own class for them."""

    @property
    def bson_type(self) -> type[Int64]:
        return Int64

    def transform_bson(self, value: Int64) -> int:
        return int(value)


def _codec_options() -> CodecOptions[dict[str, Any]]:
    """Decodes documents as the embedded store does: aware dates in `datetime.UTC` itself, and plain integers."""
    return CodecOptions(tz_aware=True, tzinfo=UTC, type_registry=TypeRegistry([PlainIntegers()]))


async def check_server(database: MotorDatabase, address: str) -> None:
    """Raise StoreUnavailable unless the server at `address` answers, allows us to read, and is new enough."""
    too_old = f"MongoDB at {address} is too old (MONGODB_URL); Rollcall needs 5.0 or newer"
    try:
        # The old name of "hello", which servers that are too old for us know as well.
        hello = await database.command("isMaster")
        # Unlike "isMaster", this needs credentials that allow reading.
        await database.list_collection_names()
    except ConfigurationError as error:
        raise StoreUnavailable(too_old) from error
    except PyMongoError as error:
        if is_unavailable(error):
            raise StoreUnavailable(f"no MongoDB answers at {address}; start it, or set MONGODB_URL") from error
        raise StoreUnavailable(f"MongoDB at {address} refuses us (MONGODB_URL): {reason_of(error)}") from error
    if hello.get("maxWireVersion", 0) < WIRE_VERSION_MINIMUM:
        raise StoreUnavailable(too_old)
