"""Notices: what the command line did, for the server that runs beside it to find."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from pymongo.errors import DuplicateKeyError

from models.guard import GuardedCollection

NoticeKind = Literal["users_added", "user_disabled", "operator_changed"]


class Notice(msgspec.Struct, frozen=True):
    """One notice: users from `first_id` to `last_id` were added, or one was disabled, or an operator changed."""

    notice_id: int
    kind: NoticeKind
    first_id: int
    last_id: int


class Notices:
    """All notices, in the order of their ids."""

    def __init__(self, notices: GuardedCollection) -> None:
        self._notices = notices

    async def post(self, kind: NoticeKind, first_id: int, last_id: int) -> None:
        """Leave a notice behind all others."""
        while True:
            document: dict[str, Any] = {
                "_id": await self.newest() + 1,
                "kind": kind,
                "first_id": first_id,
                "last_id": last_id,
            }
            try:
                await self._notices.insert_one(document)
            except DuplicateKeyError:  # another command line was faster with this id
                continue
            return

    async def newest(self) -> int:
        """The id of the newest notice; 0 when there is none."""
        rows = await self._notices.find({}, sort=[("_id", -1)], limit=1)
        return rows[0]["_id"] if rows else 0

    async def after(self, notice_id: int) -> list[Notice]:
        """The next notices, 100 at most."""
        rows = await self._notices.find({"_id": {"$gt": notice_id}}, sort=[("_id", 1)], limit=100)
        return [Notice(row["_id"], row["kind"], row["first_id"], row["last_id"]) for row in rows]
