"""Operators: the accounts of the dashboard and their roles; the store over the collection `operators`.

A document has `_id` (an integer), `name`, `name_key` (unique), `password_hash`, `role`, `disabled` and `created_at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.collection import Document
from models.documents import readable, value_of
from models.errors import Conflict
from models.guard import GuardedCollection
from models.id_counter import IdCounter
from models.usernames import best_match, possible_keys, username_key

Role = Literal["viewer", "operator", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each role may do what the roles before it may. They view, act, and manage operators, in this order."""


def is_at_least(role: Role, wanted: Role) -> bool:
    """Whether a role may do everything that the wanted role may do."""
    return ROLES.index(role) >= ROLES.index(wanted)


class Operator(msgspec.Struct, frozen=True):
    """One operator, without the password."""

    operator_id: int
    name: str
    role: Role
    disabled: bool
    created_at: datetime


class Operators:
    """All operators, by id and by name. They are never deleted."""

    def __init__(self, operators: GuardedCollection, counters: GuardedCollection) -> None:
        self._operators = operators
        self._ids = IdCounter(counters, "operator_id")

    async def ensure_indexes(self) -> None:
        """Names are unique regardless of case. Raises UnusableStore if no id could be given to a new operator."""
        await self._ids.check()
        await self._operators.create_index([("name_key", 1)], unique=True)

    async def add(self, name: str, password_hash: str, role: Role, created_at: datetime) -> Operator:
        """Add an operator. Raises Conflict if the name is taken."""
        document = {
            "_id": await self._ids.next(),
            "name": name,
            "name_key": username_key(name),
            "password_hash": password_hash,
            "role": role,
            "disabled": False,
            "created_at": created_at,
        }
        try:
            await self._operators.insert_one(document)
        except DuplicateKeyError:
            raise Conflict("USERNAME_TAKEN", f"There is already an operator named {name}.") from None
        return self._operator(document)

    async def all(self) -> list[Operator]:
        """All operators, in the order they were added."""
        return readable(self._operators, await self._operators.find({}, sort=[("_id", 1)]), self._operator)

    async def get(self, operator_id: int) -> Operator | None:
        """One operator."""
        document = await self._operators.find_one({"_id": operator_id})
        return self._operator(document) if document else None

    async def credentials(self, name: str) -> tuple[Operator, str] | None:
        """The operator with this name, and the password hash."""
        documents = await self._operators.find({"name_key": {"$in": possible_keys(name)}})
        document = best_match(documents, "name", name)
        return (self._operator(document), document["password_hash"]) if document else None

    async def change(
        self,
        operator_id: int,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        password_hash: str | None = None,
    ) -> Operator | None:
        """Change what is given and return the operator. None if there is no such operator."""
        given = {"role": role, "disabled": disabled, "password_hash": password_hash}
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            return await self.get(operator_id)
        document = await self._operators.find_one_and_update(
            {"_id": operator_id}, {"$set": changes}, return_document=ReturnDocument.AFTER
        )
        return self._operator(document) if document else None

    def _operator(self, row: Document) -> Operator:
        return value_of(self._operators, {**row, "operator_id": row["_id"]}, Operator)
