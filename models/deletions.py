"""Deletions: removes what other documents have of deleted users, and the names that they keep."""

from __future__ import annotations

from models.audit import Audit
from models.calls import Calls
from models.events import Events
from models.external_ids import ExternalIds
from models.guard import GuardedCollection
from models.logins import Logins
from models.user_documents import StoredUser, anonymous_name
from models.users import Users

CALLS_AT_ONCE = 500


class Deletions:
    """What follows after a user's document says that the user is deleted. Each step may be done twice.

    The document says until the end that the deletion is not finished. So another process can go on after a crash.
    """

    def __init__(
        self,
        users: Users,
        user_documents: GuardedCollection,
        external_ids: ExternalIds,
        logins: Logins,
        calls: Calls,
        events: Events,
        audit: Audit,
    ) -> None:
        self._users = users
        self._user_documents = user_documents
        self._external_ids = external_ids
        self._logins = logins
        self._calls = calls
        self._events = events
        self._audit = audit

    async def unfinished(self) -> list[StoredUser]:
        """The deleted users of whom other documents may still have something."""
        rows = await self._user_documents.find({"deletion_unfinished": True}, {"_id": 1})
        found = [await self._users.read_back(row["_id"]) for row in rows]
        return [stored for stored in found if stored is not None and stored.deletion_unfinished]

    async def clean_up(self, stored: StoredUser) -> None:
        """Remove the external id and the logins of a deleted user, and the name from events and the audit log.

        Events that a server has in memory are saved later. So this is repeated before `finish`.
        """
        user_id, external_id = stored.profile.user_id, stored.profile.external_id
        name = anonymous_name(user_id)
        if external_id is not None:
            await self._external_ids.forget(external_id, user_id)
        await self._logins.forget_user(user_id)
        await self._events.rename(user_id, name)
        await self._audit.rename(f"user:{user_id}", name)
        await self._rename_calls(user_id)

    async def finish(self, user_id: int) -> None:
        """Nothing is left of the deleted user."""
        await self._user_documents.update_one(
            {"_id": user_id, "deletion_unfinished": True}, {"$set": {"external_id": None, "deletion_unfinished": None}}
        )

    async def _rename_calls(self, user_id: int) -> None:
        """Name the participants of the user's calls anew where the audit log names them.

        The user's calls are looked for in the audit log, and not the other way round: with backends that start calls,
        it has entries about all calls there ever were.
        """
        async for calls in self._calls.listed(user_ids=[user_id]).batches(CALLS_AT_ONCE):
            targets = {f"call:{call.call_id}": call.participants for call in calls}
            for target in await self._audit.known(list(targets)):
                names = [await self._name(each) for each in targets[target]]
                await self._audit.rename(target, " and ".join(names))

    async def _name(self, user_id: int) -> str:
        stored = await self._users.get(user_id)
        return anonymous_name(user_id) if stored is None else stored.profile.username
