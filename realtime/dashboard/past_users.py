"""Past users: filters, searches and sorts the users of a past board, and returns one page of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import msgspec

from models.checkpoints import PastCall, PastUser
from models.direction import in_sentence
from models.search import Search, search_key
from models.status import State
from realtime.dashboard.past_board import PastBoard
from realtime.dashboard.rows import Explanation
from realtime.presence.registry import Registry

PastFilter = Literal["all", "available", "busy", "calls", "offline"]
PastSort = Literal["state", "name", "since"]

_ORDER: Mapping[State, int] = {"busy": 0, "available": 1, "offline": 2}

_CAUSES = {
    ("available", "connected"): "came online",
    ("available", "heartbeat"): "came online",
    ("available", "call_ended"): "after a call",
    ("available", "busy_expired"): "busy time was over",
    ("available", "set"): "set available",
    ("offline", "timed_out"): "timed out",
    ("offline", "disconnected"): "disconnected",
    ("offline", "set"): "set offline",
    ("offline", "disabled"): "disabled",
    ("offline", "never"): "never came online",
}
"""Other combinations say nothing, except that users who are busy without a call are “set busy”."""

_BY_OPERATOR = {"available": "made available by", "busy": "made busy by", "offline": "taken offline by"}


class PastRow(msgspec.Struct, frozen=True):
    """One user as of then."""

    user_id: int
    username: str
    state: State
    since: int
    because: Explanation
    image: str = ""
    call_id: str = ""
    is_deleted: bool = False
    """Whether the user was deleted since, and has no page any more."""


class _Profile(Protocol):
    @property
    def user_id(self) -> int: ...


class PastEntry:
    """One user, as searches and sorts need it."""

    __slots__ = ("call", "name_order", "profile", "search_key", "user", "username")

    def __init__(self, user: PastUser, call: PastCall | None, registry: Registry) -> None:
        entry = registry.find(user.user_id)
        self.user = user
        self.call = call
        self.username = registry.name(user.user_id)
        self.profile: _Profile = user
        self.search_key = search_key(self.username) if entry is None else entry.search_key
        self.name_order = self.search_key, user.user_id


def past_page(
    board: PastBoard,
    registry: Registry,
    *,
    state: PastFilter,
    q: str,
    sort: PastSort,
    skip: int,
    limit: int,
    tag: str = "",
) -> tuple[list[PastRow], int]:
    """One page of users, and how many match. What `q` finds best comes first.

    Names and tags are those of today. With a tag, only users who have it match.
    """
    calls = board.calls_by_user()
    chosen = _chosen(board.users.values(), calls, state)
    if tag:
        tagged = {entry.profile.user_id for entry in registry.tagged([tag])}
        chosen = [user for user in chosen if user.user_id in tagged]
    entries = [PastEntry(user, calls.get(user.user_id), registry) for user in chosen]
    search = Search(q)
    found = search.best_first(_sorted(search.find(entries), sort))
    return [_row(entry, registry) for entry in found[skip : skip + limit]], len(found)


def _chosen(users: Iterable[PastUser], calls: Mapping[int, PastCall], state: PastFilter) -> list[PastUser]:
    match state:
        case "all":
            return list(users)
        case "calls":
            return [user for user in users if user.user_id in calls]
        case _:
            return [user for user in users if user.state == state]


def _sorted(entries: list[PastEntry], sort: PastSort) -> list[PastEntry]:
    """`since` puts the longest in their state first."""
    match sort:
        case "name":
            return sorted(entries, key=lambda each: each.name_order)
        case "since":
            return sorted(entries, key=lambda each: each.user.since)
        case _:
            return sorted(entries, key=lambda each: (_ORDER[each.user.state], each.name_order))


def _row(entry: PastEntry, registry: Registry) -> PastRow:
    user, call, known = entry.user, entry.call, registry.find(entry.user.user_id)
    image = known.status.profile_image_url if known else None
    return PastRow(
        user_id=user.user_id,
        username=entry.username,
        state=user.state,
        since=user.since,
        because=_because(user, call, registry),
        image=image if image is not None and image[:8].lower() == "https://" else "",
        call_id="" if call is None else call.call_id,
        is_deleted=known is None,
    )


def _because(user: PastUser, call: PastCall | None, registry: Registry) -> Explanation:
    """Why the user was in this state, as far as events and checkpoints tell it."""
    if call is not None and user.state == "busy":
        return Explanation(f"on a call with {in_sentence(registry.name(call.other(user.user_id)))},", call.started_at)
    if user.by:
        return Explanation(f"{_BY_OPERATOR[user.state]} {in_sentence(user.by)}")
    return Explanation(_CAUSES.get((user.state, user.cause), "set busy" if user.state == "busy" else ""))
