"""Webhook told: what the receiver of webhooks has been told of each user, call and issue.

The store over the collections `webhook_users`, `webhook_calls` and `webhook_issues`. A document of `webhook_users` has
the user's id as `_id`, `told` (the id of the batch and a digest of the status in it) and, for some users,
`external_id`. A document of `webhook_calls` has the call's id as `_id`, `ended` (whether its end was told) and
`started_at`. One of `webhook_issues` has the issue's key as `_id`, and `told` (the id of the batch and what it tells).

A batch may be noted twice, and by a server that another one has replaced. So a note never replaces one of a later
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateOne

from models.documents import readable, value_of
from models.guard import GuardedCollection
from models.users import BULK_ROWS


class ToldUser(msgspec.Struct, frozen=True, array_like=True):
    """The status of a user, as a digest."""

    user_id: int
    digest: str
    external_id: str | None = None


class ToldCall(msgspec.Struct, frozen=True, array_like=True):
    """A call that has started, or has ended as well."""

    call_id: str
    ended: bool
    started_at: datetime


class ToldIssue(msgspec.Struct, frozen=True, array_like=True):
    """What was told of an issue, as JSON; empty if it has ended."""

    key: str
    told: str


class ToldNews(msgspec.Struct, frozen=True):
    """What one batch tells."""

    users: list[ToldUser]
    calls: list[ToldCall]
    deleted: list[int]
    """Users who were deleted."""
    issues: list[ToldIssue] = []
    """Batches of older versions have none."""


class StoredToldUser(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """A document of `webhook_users`."""

    user_id: int
    told: str
    external_id: str | None = None


class StoredToldCall(msgspec.Struct, frozen=True, rename={"call_id": "_id"}):
    """A document of `webhook_calls`."""

    call_id: str
    ended: bool
    started_at: datetime


class StoredToldIssue(msgspec.Struct, frozen=True, rename={"key": "_id"}):
    """A document of `webhook_issues`."""

    key: str
    told: str


class WebhookTold:
    """What was told last."""

    def __init__(self, users: GuardedCollection, calls: GuardedCollection, issues: GuardedCollection) -> None:
        self._users = users
        self._calls = calls
        self._issues = issues

    async def ensure_indexes(self) -> None:
        """Calls whose end was not told yet, and old calls, to delete them."""
        await self._calls.create_index([("ended", 1), ("started_at", 1)])

    async def note(self, batch_id: str, news: ToldNews) -> None:
        """Note what a batch tells."""
        await self._write(
            self._users,
            [_user_note(batch_id, each) for each in news.users],
        )  # fmt: skip
        await self._write(
            self._calls,
            [_call_note(each) for each in news.calls],
        )  # fmt: skip
        await self._write(self._issues, [_issue_note(batch_id, each) for each in news.issues if each.told])
        if over := [each.key for each in news.issues if not each.told]:
            await self._issues.delete_many({"_id": {"$in": over}})
        if news.deleted:
            await self._users.delete_many({"_id": {"$in": news.deleted}})

    async def users(self, after_id: int, limit: int) -> list[ToldUser]:
        """What was told of the next users by id, at most `limit`."""
        rows = await self._users.find({"_id": {"$gt": after_id}}, sort=[("_id", 1)], limit=limit)
        stored = readable(self._users, rows, lambda row: value_of(self._users, row, StoredToldUser))
        return [ToldUser(each.user_id, each.told.rpartition(" ")[2], each.external_id) for each in stored]

    async def open_calls(self) -> list[ToldCall]:
        """The calls whose start was told and whose end was not. The number of users who can be online bounds them."""
        return self._told_calls(await self._calls.find({"ended": False}))

    async def calls(self, call_ids: Sequence[str]) -> dict[str, ToldCall]:
        """What was told of some calls."""
        found: dict[str, ToldCall] = {}
        for start in range(0, len(call_ids), BULK_ROWS):
            rows = await self._calls.find({"_id": {"$in": call_ids[start : start + BULK_ROWS]}})
            found |= {each.call_id: each for each in self._told_calls(rows)}
        return found

    async def issues(self) -> list[str]:
        """What was told of each issue whose end was not told, as JSON."""
        rows = await self._issues.find({})
        stored = readable(self._issues, rows, lambda row: value_of(self._issues, row, StoredToldIssue))
        return [each.told.partition(" ")[2] for each in stored]

    async def forget_calls(self, before: datetime) -> None:
        """Delete what was told of calls that started before a moment, and whose end was told."""
        await self._calls.delete_many({"ended": True, "started_at": {"$lt": before}})

    def _told_calls(self, rows: list[dict[str, Any]]) -> list[ToldCall]:
        stored = readable(self._calls, rows, lambda row: value_of(self._calls, row, StoredToldCall))
        return [ToldCall(each.call_id, each.ended, each.started_at) for each in stored]

    async def _write(self, collection: GuardedCollection, rows: list[UpdateOne]) -> None:
        for start in range(0, len(rows), BULK_ROWS):
            await collection.bulk_write(rows[start : start + BULK_ROWS], ordered=False)


def _user_note(batch_id: str, told: ToldUser) -> UpdateOne:
    update: dict[str, Any] = {"$max": {"told": f"{batch_id} {told.digest}"}}
    if told.external_id is not None:
        update["$set"] = {"external_id": told.external_id}
    return UpdateOne({"_id": told.user_id}, update, upsert=True)


def _issue_note(batch_id: str, told: ToldIssue) -> UpdateOne:
    return UpdateOne({"_id": told.key}, {"$max": {"told": f"{batch_id} {told.told}"}}, upsert=True)


def _call_note(told: ToldCall) -> UpdateOne:
    update = {"$max": {"ended": told.ended, "started_at": told.started_at}}
    return UpdateOne({"_id": told.call_id}, update, upsert=True)
