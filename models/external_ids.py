"""External ids: the ids that users have in another program. The store over the collection `external_ids`.

A document has `_id`, the external id, and `user_id`. It is written before the user's document. So one without a user is
left from a creation that was interrupted, and the next creation takes it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, unquote

import msgspec
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.documents import value_of
from models.errors import Invalid
from models.guard import GuardedCollection
from models.user_documents import StoredUser
from models.users import Users

LONGEST_EXTERNAL_ID = 128
"""Characters (code points), as the database of most sign-in services allows."""


EXTERNAL = "external:"
"""Stands before an external id wherever a user's id may stand as well."""


class ExternalIdDocument(msgspec.Struct, frozen=True, rename={"external_id": "_id"}):
    """An external id, and the user who has it."""

    external_id: str
    user_id: int


def checked_external_id(text: str) -> str:
    """The external id as it is: two of them are the same only if they have the same characters. Raises Invalid.

    The stores cannot hold NUL characters and halves of surrogate pairs.
    """
    if not 1 <= len(text) <= LONGEST_EXTERNAL_ID:
        raise Invalid(f"An external id must have 1 to {LONGEST_EXTERNAL_ID} characters.")
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise Invalid("An external id must be valid Unicode without NUL characters.")
    return text


def external_id_of(text: str) -> str | None:
    """The external id in a text such as `external:42`, or None if it has none. Raises Invalid."""
    return checked_external_id(text.removeprefix(EXTERNAL)) if text.startswith(EXTERNAL) else None


def spellings(external_id: str) -> tuple[str, ...]:
    """The ids that an app may mean by this one in a message, where some encode it as in a URL.

    That is only likely if everything else in it is encoded as URLs need it, too: `bo%62` doesn't mean `bob`. Where a
    wrong user would be harmed, and in URLs, which are decoded already, only the exact id counts.
    """
    decoded = unquote(external_id)
    is_encoded = decoded not in (external_id, "") and quote(decoded, safe="") == external_id
    return (external_id, decoded) if is_encoded else (external_id,)


class ExternalIds:
    """Which user has which external id. An external id belongs to one user at a time."""

    def __init__(self, external_ids: GuardedCollection, users: Users) -> None:
        self._external_ids = external_ids
        self._users = users

    async def find(self, external_id: str) -> StoredUser | None:
        """The user with this external id, unless the user was deleted."""
        document = await self._document(external_id)
        return None if document is None else await self._users.get(document.user_id)

    async def reserve(self, external_id: str) -> int:
        """The id of the user who has this external id, or will have it.

        The caller creates that user unless there is one. All who ask at the same time get the same id.
        """
        while True:
            document = await self._document(external_id)
            if document is None:
                user_id = await self._users.next_id()
                if await self._add(external_id, user_id):
                    return user_id
                continue
            stored = await self._users.read_back(document.user_id)
            if stored is None or stored.deleted_at is None:
                return document.user_id
            await self.forget(external_id, document.user_id)  # the deletion was interrupted, or goes on elsewhere

    async def reserve_new(self, external_ids: Sequence[str]) -> dict[str, int]:
        """Reserve user ids for many external ids at once, which are all different.

        Those that somebody has, or that another request reserves at the same time, are left out. `reserve` is for them.
        """
        rows = await self._external_ids.find({"_id": {"$in": list(external_ids)}}, {"_id": 1})
        known = {row["_id"] for row in rows}
        free = [each for each in external_ids if each not in known]
        if not free:
            return {}
        first = await self._users.next_id(len(free))
        reserved = dict(zip(free, range(first, first + len(free)), strict=True))
        documents = [{"_id": external_id, "user_id": user_id} for external_id, user_id in reserved.items()]
        try:
            await self._external_ids.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            for each in error.details["writeErrors"]:
                del reserved[free[each["index"]]]
        return reserved

    async def forget(self, external_id: str, user_id: int) -> None:
        """Forget the external id of a user who was deleted. It can be given again."""
        await self._external_ids.delete_one({"_id": external_id, "user_id": user_id})

    async def _document(self, external_id: str) -> ExternalIdDocument | None:
        document = await self._external_ids.find_one({"_id": external_id})
        return None if document is None else value_of(self._external_ids, document, ExternalIdDocument)

    async def _add(self, external_id: str, user_id: int) -> bool:
        """False if another request was faster."""
        try:
            await self._external_ids.insert_one({"_id": external_id, "user_id": user_id})
        except DuplicateKeyError:
            return False
        return True
