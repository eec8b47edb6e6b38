"""Batch: creates and updates many users at once, each by itself, with a result for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from handlers.errors import described
from handlers.server_api.base import ServerHandler, needs
from handlers.server_api.user_changes import UserChange, UserChanges
from models.errors import Invalid, RequestError, StoreUnavailable
from models.external_ids import LONGEST_EXTERNAL_ID
from realtime.presence.user_entry import UserEntry

BATCH_PATH = "/server/users/batch"

AT_ONCE = 16
"""Users that are changed at the same time, so that the store can answer them together."""

NEW_AT_ONCE = 64
"""Users that are created at the same time: the store gets them in few writes, and announcing them takes some 10 ms."""


class BatchUser(UserChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One user of a batch."""

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EXTERNAL_ID, pattern=r"^[^\x00]*$(?!\n)")]


class UserBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /server/users/batch."""

    users: Annotated[list[BatchUser], msgspec.Meta(extra_json_schema={"x-settings": {"maxItems": "batch_users_limit"}})]


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same body, whose rows are read one by one: a mistake in one must not keep the others out."""

    users: list[msgspec.Raw]


class RowError(msgspec.Struct, frozen=True):
    """Why a user was refused."""

    code: str
    message: str


class BatchResult(msgspec.Struct, frozen=True):
    """What became of one user of a batch."""

    external_id: str | None
    """Null if the row has none."""
    outcome: Literal["created", "updated", "unchanged", "refused"]
    user_id: int | None
    error: RowError | None


class BatchResults(msgspec.Struct, frozen=True):
    """Response of POST /server/users/batch. The results are in the order of the request."""

    results: Sequence[BatchResult]


class BatchHandler(ServerHandler):
    """POST /server/users/batch"""

    @needs("write", "put_users")
    async def post(self) -> None:
        """Create and update users."""
        self.check_key()
        rows = self.read_body(_Rows).users
        limit = self.context.settings.batch_users_limit
        if len(rows) > limit:
            raise Invalid(f"users may contain at most {limit} users.")
        results = await self.change("", f"{len(rows)} users", lambda: self._put_all(rows), _counted)
        self.answer(BatchResults(results))

    async def _put_all(self, rows: Sequence[msgspec.Raw]) -> list[BatchResult]:
        """Put all rows, several at a time. Rows with the same external id are put in their order."""
        results = [BatchResult(None, "refused", None, None)] * len(rows)
        by_id: dict[str, list[tuple[int, BatchUser]]] = {}
        for place, row in enumerate(rows):
            try:
                user = msgspec.json.decode(row, type=BatchUser)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                results[place] = _refused(_external_id(row), Invalid(str(error)))
            else:
                by_id.setdefault(user.external_id, []).append((place, user))
        changes = UserChanges(self.core.membership, self.server.stores.external_ids, self.registry)
        reserved = await changes.reserve_new(by_id)
        slots, new_slots = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(NEW_AT_ONCE)
        changed: list[tuple[UserEntry, str]] = []

        async def put_in_order(external_id: str, theirs: list[tuple[int, BatchUser]]) -> None:
            async with new_slots if external_id in reserved else slots:
                for place, user in theirs:
                    results[place] = await _put(changes, user, reserved.pop(user.external_id, None), changed)

        await asyncio.gather(*(put_in_order(*each) for each in by_id.items()))
        await self.note_users(changed)
        return results


async def _put(
    changes: UserChanges, user: BatchUser, reserved: int | None, changed: list[tuple[UserEntry, str]]
) -> BatchResult:
    try:
        entry, outcome = await changes.put(user.external_id, user, reserved)
    except (RequestError, StoreUnavailable) as error:
        return _refused(user.external_id, error)
    if outcome != "unchanged":
        changed.append((entry, "create_user" if outcome == "created" else "change_user"))
    return BatchResult(user.external_id, outcome, entry.profile.user_id, None)


def _refused(external_id: str | None, error: RequestError | StoreUnavailable) -> BatchResult:
    _, code, message = described(error, 500)
    return BatchResult(external_id, "refused", None, RowError(code, message))


def _external_id(row: msgspec.Raw) -> str | None:
    """The external id of a row that is malformed otherwise."""
    try:
        found = msgspec.json.decode(row)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    external_id = found.get("external_id") if isinstance(found, dict) else None
    return external_id if isinstance(external_id, str) else None


def _counted(results: Sequence[BatchResult]) -> str:
    counts = Counter(each.outcome for each in results)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
