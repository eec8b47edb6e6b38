"""Gathered inserts: documents that are inserted at the same time go to the store in one write."""

from __future__ import annotations

import asyncio

from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from models.collection import Document
from models.documents import DUPLICATE_KEY
from models.errors import StoreUnavailable
from models.guard import GuardedCollection

ROWS_AT_ONCE = 500
"""Documents in one write. It stays far below the deadline of a call."""

WRITES_AT_ONCE = 4
"""Writes under way, so that a few which the store does not answer keep nobody else waiting. Later inserts gather."""


class GatheredInserts:
    """Inserts of one collection. Each succeeds or fails by itself, and an insert that is alone does not wait.

    With MongoDB, a thousand new users at once need a few round trips instead of a thousand.
    """

    def __init__(self, collection: GuardedCollection) -> None:
        self._collection = collection
        self._waiting: list[tuple[Document, asyncio.Future[None]]] = []
        self._writers = 0
        """Tasks that write what waits, until nothing does."""
        self._is_starting = False
        """Whether one of them has not taken anything yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        """The event loop alone would not keep them."""

    async def insert_one(self, document: Document) -> None:
        """Insert a document. Raises DuplicateKeyError, StoreUnavailable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((document, done))
        if not self._is_starting and self._writers < WRITES_AT_ONCE:
            self._is_starting = True
            self._writers += 1
            task = asyncio.get_running_loop().create_task(self._write_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await done

    async def _write_all(self) -> None:
        self._is_starting = False
        try:
            while self._waiting:
                rows, self._waiting = self._waiting[:ROWS_AT_ONCE], self._waiting[ROWS_AT_ONCE:]
                errors = await self._write([document for document, _ in rows])
                for place, (_, done) in enumerate(rows):
                    _settle(done, errors.get(place))
        finally:
            self._writers -= 1

    async def _write(self, documents: list[Document]) -> dict[int, Exception]:
        """Write some documents, and return the errors of those that were not written, by their places."""
        try:
            if len(documents) == 1:
                await self._collection.insert_one(documents[0])
            else:
                await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _errors(dict(error.details), len(documents))
        except Exception as error:  # each of the callers gets it
            return dict.fromkeys(range(len(documents)), error)
        return {}


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():  # its caller was cancelled
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _errors(details: Document, count: int) -> dict[int, Exception]:
    """The error of each document that was not written, or of which that is not certain."""
    refused = {each["index"]: _error_of(each) for each in details["writeErrors"]}
    if not details["writeConcernErrors"]:
        return refused
    unsure = StoreUnavailable("insert_many: the write was not acknowledged")
    return {place: refused.get(place, unsure) for place in range(count)}


def _error_of(refusal: Document) -> Exception:
    error = DuplicateKeyError if refusal["code"] == DUPLICATE_KEY else WriteError
    return error(refusal["errmsg"], refusal["code"], refusal)
