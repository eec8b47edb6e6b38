"""Documents: stored documents as values. One that another program wrote is named instead of causing a KeyError."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
from pymongo.errors import BulkWriteError

from models.collection import Document
from models.errors import UnusableStore
from models.guard import GuardedCollection

T = TypeVar("T")

DUPLICATE_KEY = 11000
"""MongoDB's error code for a violated unique index."""


def value_of(collection: GuardedCollection, document: Document, type: type[T]) -> T:
    """The document as a value of this type. Unknown fields are ignored.

    Raises UnusableStore if a field is missing or has a wrong type.
    """
    try:
        return msgspec.convert(document, type)
    except msgspec.ValidationError as error:
        raise UnusableStore(
            f"the document {document.get('_id')!r} in the collection {collection.name} is not one of Rollcall's "
            f"({error}); use a database of your own, or repair or remove the document"
        ) from error


async def insert_new(collection: GuardedCollection, documents: Sequence[Document]) -> None:
    """Add documents. Those that are stored already stay as they are, so a failed write can be repeated."""
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise


def readable(collection: GuardedCollection, documents: Iterable[Document], read: Callable[[Document], T]) -> list[T]:
    """The values of all documents that can be read. Others are logged and left out."""
    values: list[T] = []
    for document in documents:
        try:
            values.append(read(document))
        except UnusableStore as error:
            collection.failures.note(f"document in {collection.name}", document.get("_id"), error)
    return values
