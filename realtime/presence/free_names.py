"""Free names: finds a name that nobody has, near the one that another program gave, and writes it before others do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from models.errors import Conflict
from models.usernames import nearest_username, username_key

NUMBERED_NAMES = range(2, 21)
"""Tried for a name that is taken, before the user's id, which nearly nobody has in the name."""

CONTESTED_ATTEMPTS = 2
"""Attempts to get a name that others may want, too."""

Written = TypeVar("Written")


class TakenNames(Protocol):
    """The part of the users' store that knows the names."""

    async def taken(self, usernames: Sequence[str]) -> set[str]: ...


async def until_name_is_free(write: Callable[[int], Awaitable[Written]], attempts: int) -> Written:
    """Write again, with another name, if somebody took the first one meanwhile.

    `write` gets the number of the attempt, from 1. Raises Conflict if the name is taken at the last attempt, too.
    """
    for attempt in range(1, attempts):
        with suppress(Conflict):
            return await write(attempt)
    return await write(attempts)


async def free_name(users: TakenNames, text: str, user_id: int, own: str = "", *, attempt: int = 1) -> str:
    """The first name for a text that nobody has now but the user, whose name is `own`.

    Many users of one name who come at the same time all find the same name free. So from the third attempt on, the name
    has the user's id in it.
    """
    names = list(_names(text, user_id))
    if attempt > CONTESTED_ATTEMPTS:
        names = names[-3:]
    taken = await users.taken(names) - {username_key(own)}
    return next((each for each in names if username_key(each) not in taken), names[-1])


def _names(text: str, user_id: int) -> Iterator[str]:
    """Names for a text, the nearest first."""
    for suffix in ("", *(f" #{number}" for number in NUMBERED_NAMES), f" #{user_id}"):
        name = nearest_username(text, suffix)
        if name is not None:
            yield name
    yield f"User {user_id}"
    yield f"User {user_id} #{user_id}"
