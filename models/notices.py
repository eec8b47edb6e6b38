"""Notices: how the command line, and other servers, tell a running server what they changed in the store."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from pymongo.errors import DuplicateKeyError

from models.collection import Document
from models.documents import readable, value_of
from models.guard import GuardedCollection

NoticeKind = Literal[
    "users_added",
    "user_disabled",
    "user_changed",
    "operator_changed",
    "user_revoked",
    "login_revoked",
    "sign_in_ended",
    "keys_changed",
    "acknowledgements_changed",
]


class Notice(msgspec.Struct, frozen=True):
    """One notice.

    The users from `first_id` to `last_id` were added; a user was disabled, or changed in another way, such as enabled
    or deleted; an operator changed; all tokens of a user with a version below `last_id` were revoked, except for those
    of the login `login_id`; or those of a login were, the last of which expires in `seconds`; or the sign-in of an
    operator ended, whose id is then `login_id`; or service keys were added or revoked; or operators acknowledged
    issues or took that back.
    """

    notice_id: int
    kind: NoticeKind
    first_id: int
    last_id: int
    login_id: str = ""
    seconds: float = 0.0


class Notices:
    """All notices, ordered by id.

    An id is only used once the one before it is in the store. So the ids have no gaps, and a reader who has seen one
    has seen all before it. An insert that arrives late finds its id free, and comes next, or taken, and adds nothing.
    """

    def __init__(self, notices: GuardedCollection) -> None:
        self._notices = notices

    async def post(
        self, kind: NoticeKind, first_id: int = 0, last_id: int = 0, *, login_id: str = "", seconds: float = 0.0
    ) -> None:
        """Add a notice after all others."""
        while True:
            document: dict[str, Any] = {
                "_id": await self.newest() + 1,
                "kind": kind,
                "first_id": first_id,
                "last_id": last_id,
                "login_id": login_id,
                "seconds": seconds,
            }
            try:
                await self._notices.insert_one(document)
            except DuplicateKeyError:  # another process has just taken this id
                continue
            return

    async def newest(self) -> int:
        """The id of the newest notice, or 0 if there is none."""
        # Only numbers match: another program may have written documents with other ids.
        rows = await self._notices.find({"_id": {"$gt": 0}}, sort=[("_id", -1)], limit=1)
        return int(rows[0]["_id"]) if rows else 0

    async def after(self, notice_id: int) -> list[Notice]:
        """The notices after an id, at most 100."""
        rows = await self._notices.find({"_id": {"$gt": notice_id}}, sort=[("_id", 1)], limit=100)
        return readable(self._notices, rows, self._notice)

    def _notice(self, row: Document) -> Notice:
        return value_of(self._notices, {**row, "notice_id": row["_id"]}, Notice)
