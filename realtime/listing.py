"""Listing: everyone, filtered, searched, sorted and cut into pages, for operators."""

from __future__ import annotations

from operator import attrgetter
from typing import Literal

from models.users import username_key
from realtime.directory import Directory, Entry

Filter = Literal["all", "available", "busy", "calls", "offline", "attention"]
"""`calls`: who is on one."""
Sort = Literal["attention", "name", "state", "since", "heard"]

_by_name = attrgetter("username_key")
_by_since = attrgetter("state_since")
_by_heard = attrgetter("last_seen")


class Listing:
    """Keeps the order by name, which hardly ever changes: sorting what is in order already is linear."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._by_name: list[Entry] = []

    def page(
        self, attention: set[int], *, state: Filter, q: str, sort: Sort, skip: int, limit: int
    ) -> tuple[list[Entry], int]:
        """One page and how many match. `q` is literal: part of a name, or an id. `attention`: who needs it."""
        entries = self._named()
        if state == "attention":
            entries = [each for each in entries if each.profile.user_id in attention]
        elif state == "calls":
            entries = [each for each in entries if each.claims.call_id is not None]
        elif state != "all":
            entries = _in_state(entries)[state]
        if q:
            key = username_key(q)
            entries = [each for each in entries if key in each.username_key or q == str(each.profile.user_id)]
        return _sorted(entries, attention, sort)[skip : skip + limit], len(entries)

    def _named(self) -> list[Entry]:
        if len(self._by_name) != len(self._directory):
            self._by_name = list(self._directory)
        self._by_name.sort(key=_by_name)
        return self._by_name


def _sorted(entries: list[Entry], attention: set[int], sort: Sort) -> list[Entry]:
    """They come by name. The longest in their state first; the latest heard first."""
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


def _in_state(entries: list[Entry]) -> dict[str, list[Entry]]:
    states: dict[str, list[Entry]] = {"available": [], "busy": [], "offline": []}
    available, busy, offline = (states[each].append for each in states)
    for entry in entries:
        status = entry.status
        (available if status.is_available else busy if status.is_online else offline)(entry)
    return states
