"""User ids: how a URL or a body names a user, by the id that Rollcall gave or by the one in the app's own system."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import unquote, unquote_plus

import msgspec

from models.errors import Invalid, NotFound
from models.external_ids import EXTERNAL, external_id_of, spellings
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import USER_ID_LIMIT, UserId

_ID = re.compile(r"[1-9][0-9]{0,15}")

UserName = Annotated[
    Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^([1-9][0-9]{0,15}|external:[^\x00]{1,128})$(?!\n)"})]
    | UserId,
    msgspec.Meta(
        description="A user id, or `external:` and your own id.", extra_json_schema={"x-described-as": "string"}
    ),
]
"""A user in the API for backends: the id, as a number or as text, or `external:` and the id in the app's own system.

Generated clients can seldom express a choice of types, so the description names the one that covers everything. The
pattern is checked where the user is looked up, which can say what is wrong in words.
"""

OtherUser = Annotated[
    UserId | Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^external:[^\x00]{1,128}$(?!\n)"})],
    msgspec.Meta(
        description="A user id. The text `external:` and your own id will do, too.",
        extra_json_schema={"x-described-as": "integer"},
    ),
]
"""A user in the API for apps, where the description keeps to the numbers that it has always had."""

FindExternal = Callable[[str], Awaitable[UserEntry | None]]
"""Finds the user with an external id, on this server or in the store."""


def user_id_of(text: str) -> int:
    """The id that Rollcall gave a user. Raises Invalid."""
    if not _ID.fullmatch(text) or int(text) > USER_ID_LIMIT:
        raise _not_an_id(text)
    return int(text)


def known_user(text: str, registry: Registry) -> UserEntry:
    """The user in a part of a URL's path, which is decoded already. Raises Invalid, NotFound."""
    entry = _find(text, registry)
    if entry is None:
        raise NotFound("No such user")
    return entry


def listed_users(value: str, registry: Registry, limit: int) -> list[UserEntry | None]:
    """The users in a list of a query, which is encoded as in the URL. Raises Invalid.

    In an external id, a comma is encoded: once in `external:a%2Cb`, or twice by a library that encodes the whole value.
    """
    texts: list[str] = []
    for part in value.split(","):
        text = _decoded(part, unquote_plus)
        if part.startswith(EXTERNAL):
            texts.append(text)
        else:
            texts += [_decoded(each, unquote) if each.startswith(EXTERNAL) else each for each in text.split(",")]
    if len(texts) > limit:
        raise Invalid(f"user_ids may contain at most {limit} ids.")
    return [_find(text, registry) for text in texts]


def callee_id_of(callee: OtherUser, registry: Registry) -> int:
    """The user whom a body names as the one to be called. Raises Invalid, NotFound."""
    if isinstance(callee, int):
        return callee
    external_id = external_id_of(callee)
    if external_id is None:
        raise _not_an_id(callee)
    for each in spellings(external_id):
        entry = registry.find_external(each)
        if entry is not None:
            return entry.profile.user_id
    raise NotFound("No such user")


def _find(text: str, registry: Registry) -> UserEntry | None:
    external_id = external_id_of(text)
    return registry.find(user_id_of(text)) if external_id is None else registry.find_external(external_id)


def _not_an_id(text: str) -> Invalid:
    return Invalid(f"A user id must be a positive integer, or external: and your own id, not {text[:20]!r}.")


def _decoded(text: str, decode: Callable[..., str]) -> str:
    try:
        return decode(text, errors="strict")
    except UnicodeDecodeError:
        raise Invalid("A user id must be valid UTF-8.") from None


async def found_user(name: UserName, registry: Registry, find_external: FindExternal) -> UserEntry:
    """The user whom an id names. Raises Invalid, NotFound, StoreUnavailable."""
    text = str(name)
    external_id = external_id_of(text)
    if external_id is None:
        return registry.get(user_id_of(text))
    entry = await find_external(external_id)
    if entry is None:
        raise NotFound("No such user")
    return entry
