"""Screens: displays on a wall, each known by a cookie of its own; the store over the collection `screens`.

A document has `_id` (16 hexadecimal digits), `name`, `name_key` (unique), `tag`, `made_by`, `made_at`, `link_hash`,
`link_until`, `cookie_hash` (None until the link was opened), `opened_at`, `seen_at`, `address` and `device`. Of secrets
there are only hashes. A screen that was revoked is deleted.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Literal

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.collection import Document
from models.documents import readable, value_of
from models.errors import Conflict
from models.guard import GuardedCollection
from models.usernames import username_key

ID_BYTES = 8

NOT_OPENED: Document = {"cookie_hash": None, "opened_at": None, "seen_at": None, "address": "", "device": ""}
"""The fields of a screen whose link has not been opened."""


class Screen(msgspec.Struct, frozen=True):
    """One screen, without its secrets."""

    screen_id: str
    name: str
    made_by: str
    """The name of the operator who made it."""
    made_at: datetime
    link_until: datetime
    """Until when its link can be opened."""
    tag: str = ""
    """If there is one, the screen lists only free users with this tag."""
    opened_at: datetime | None = None
    """When its link was opened; None if it still waits for that."""
    seen_at: datetime | None = None
    """Its last sign of life."""
    address: str = ""
    device: str = ""

    @property
    def visitor_id(self) -> str:
        """Identifies its sockets among those of operators."""
        return f"screen:{self.screen_id}"

    @property
    def owner(self) -> str:
        """Whose sockets count together."""
        return self.visitor_id

    @property
    def role(self) -> Literal["screen"]:
        """What its sockets are told."""
        return "screen"


class Screens:
    """All screens."""

    def __init__(self, screens: GuardedCollection) -> None:
        self._screens = screens

    async def ensure_indexes(self) -> None:
        """Names are unique regardless of case. Screens are found by the hashes of their secrets."""
        await self._screens.create_index([("name_key", 1)], unique=True)
        await self._screens.create_index([("cookie_hash", 1)])
        await self._screens.create_index([("link_hash", 1)])

    async def add(
        self, name: str, tag: str, made_by: str, made_at: datetime, link_hash: str, link_until: datetime
    ) -> Screen:
        """Add a screen. Raises Conflict if the name is taken."""
        document = {
            "_id": secrets.token_hex(ID_BYTES),
            "name": name,
            "name_key": username_key(name),
            "tag": tag,
            "made_by": made_by,
            "made_at": made_at,
            "link_hash": link_hash,
            "link_until": link_until,
            **NOT_OPENED,
        }
        try:
            await self._screens.insert_one(document)
        except DuplicateKeyError:
            raise Conflict("SCREEN_NAME_TAKEN", f"There is already a screen named {name}.") from None
        return self._screen(document)

    async def count(self) -> int:
        """How many there are."""
        return await self._screens.count_documents({})

    async def all(self) -> list[Screen]:
        """All screens, by name."""
        return readable(self._screens, await self._screens.find({}, sort=[("name_key", 1)]), self._screen)

    async def get(self, screen_id: str) -> Screen | None:
        """The screen with this id, or None if there is none any more."""
        return self._found(await self._screens.find_one({"_id": screen_id}))

    async def of_cookie(self, cookie_hash: str) -> Screen | None:
        """The screen that has this cookie."""
        return self._found(await self._screens.find_one({"cookie_hash": cookie_hash}))

    async def of_link(self, link_hash: str) -> Screen | None:
        """The screen of this link, opened or not."""
        return self._found(await self._screens.find_one({"link_hash": link_hash}))

    async def open(self, link_hash: str, cookie_hash: str, at: datetime, address: str, device: str) -> Screen | None:
        """Use a link up: it becomes a cookie. None if it was used before, has expired, or does not exist."""
        given = {"cookie_hash": cookie_hash, "opened_at": at, "seen_at": at, "address": address, "device": device}
        return self._found(
            await self._screens.find_one_and_update(
                {"link_hash": link_hash, "cookie_hash": None, "link_until": {"$gt": at}},
                {"$set": given},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def renew(self, screen_id: str, link_hash: str, link_until: datetime) -> Screen | None:
        """Replace the link and the cookie by a new link. None if there is no such screen."""
        return self._found(
            await self._screens.find_one_and_update(
                {"_id": screen_id},
                {"$set": {"link_hash": link_hash, "link_until": link_until, **NOT_OPENED}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def touch(self, screen_id: str, at: datetime) -> None:
        """Record a sign of life. A screen that was revoked or waits for its link stays so."""
        await self._screens.update_one({"_id": screen_id, "cookie_hash": {"$ne": None}}, {"$max": {"seen_at": at}})

    async def remove(self, screen_id: str) -> None:
        """Remove a screen."""
        await self._screens.delete_one({"_id": screen_id})

    def _found(self, row: Document | None) -> Screen | None:
        return self._screen(row) if row else None

    def _screen(self, row: Document) -> Screen:
        return value_of(self._screens, {**row, "screen_id": row["_id"]}, Screen)
