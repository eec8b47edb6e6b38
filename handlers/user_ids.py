"""User ids: how a URL or a body names a user, by the id that Rollcall gave or by the one in the app's own system."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from models.errors import Invalid, NotFound
from models.external_ids import checked_external_id
from realtime.presence.registry import Registry, UserEntry
from realtime.protocol import USER_ID_LIMIT, UserId

EXTERNAL = "external:"
"""Begins an id in the app's own system."""

_ID = re.compile(r"[1-9][0-9]{0,15}")

UserName = Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,15}|external:[^\x00]{1,128})$(?!\n)")] | UserId
"""A user in a body: the id, as a number or as text, or `external:` and the id in the app's own system."""

FindExternal = Callable[[str], Awaitable[UserEntry | None]]
"""Finds the user with an external id, on this server or in the store."""


def user_id_of(text: str) -> int:
    """The id that Rollcall gave a user. Raises Invalid."""
    if not _ID.fullmatch(text) or int(text) > USER_ID_LIMIT:
        raise Invalid(f"A user id must be a positive integer, or external: and your own id, not {text[:20]!r}.")
    return int(text)


def external_id_of(text: str) -> str | None:
    """The external id, or None if the text is none. Raises Invalid."""
    return checked_external_id(text.removeprefix(EXTERNAL)) if text.startswith(EXTERNAL) else None


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
