"""User query: filters, searches and sorts all users for operators, and returns one page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, cast

from models.search import Search
from models.status import state_of
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry

UserFilter = Literal["all", "available", "busy", "calls", "offline", "attention"]
"""`calls` selects users who are on a call."""
UserSort = Literal["attention", "name", "state", "since", "heard", "-name", "-state", "-since", "-heard"]
"""With a minus, the order is the reverse. Users who are equal are always in the order of their names."""

_by_name = attrgetter("name_order")
_by_since = attrgetter("record.state.since")
_by_heard = attrgetter("last_seen")


class UserQuery:
    """Keeps the order by name. It hardly ever changes, and sorting a list that is in order is linear."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._by_name: list[UserEntry] = []

    def page(
        self, attention: set[int], *, state: UserFilter, q: str, sort: UserSort, skip: int, limit: int, tag: str = ""
    ) -> tuple[list[UserEntry], int]:
        """One page, and how many match. What `q` finds best comes first. `attention`: the users who need it.

        With a tag, only users who have it match.
        """
        entries = self._named()
        if tag:
            tagged = self._registry.tagged([tag])
            entries = [each for each in entries if each in tagged]
        if state == "attention":
            entries = [each for each in entries if each.profile.user_id in attention]
        elif state == "calls":
            entries = [each for each in entries if each.claims.call_id is not None]
        elif state != "all":
            entries = _in_state(entries)[state]
        search = Search(q)
        found = search.find(entries)
        return search.best_first(_sorted(found, attention, sort))[skip : skip + limit], len(found)

    def _named(self) -> list[UserEntry]:
        if len(self._by_name) != len(self._registry):
            self._by_name = list(self._registry)
        self._by_name.sort(key=_by_name)
        return self._by_name


def _sorted(entries: list[UserEntry], attention: set[int], sort: UserSort) -> list[UserEntry]:
    """`entries` come sorted by name. `since` puts the longest in their state first, `heard` the last seen."""
    if sort[0] == "-":
        return _reversed(_sorted(entries, attention, cast("UserSort", sort[1:])), sort)
    match sort:
        case "attention":
            first = [each for each in entries if each.profile.user_id in attention]
            states = _in_state([each for each in entries if each.profile.user_id not in attention])
            return [*first, *states["busy"], *states["available"], *states["offline"]]
        case "state":
            return [each for entries_in_state in _in_state(entries).values() for each in entries_in_state]
        case "since":
            return sorted(entries, key=_by_since)
        case "heard":
            return sorted(entries, key=_by_heard, reverse=True)
        case _:
            return entries


def _reversed(entries: list[UserEntry], sort: UserSort) -> list[UserEntry]:
    """Reversed, but equal ones stay in the order of their names."""
    if sort == "-name":
        return entries[::-1]
    key: Callable[[UserEntry], Any] = {"-since": _by_since, "-heard": _by_heard}.get(sort, _state_of)
    return [entry for _, equal in reversed([(k, list(g)) for k, g in groupby(entries, key)]) for entry in equal]


def _state_of(entry: UserEntry) -> str:
    return state_of(entry.status)


def _in_state(entries: list[UserEntry]) -> dict[str, list[UserEntry]]:
    states: dict[str, list[UserEntry]] = {"available": [], "busy": [], "offline": []}
    available, busy, offline = (states[each].append for each in states)
    for entry in entries:
        status = entry.status
        (available if status.is_available else busy if status.is_online else offline)(entry)
    return states
