"""Registry: every user's entry in memory, the counts, and the order of the feed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from models.errors import NotFound
from models.search import Search
from models.status import Status
from models.times import milliseconds
from models.user_documents import anonymous_name
from realtime.presence.record import Record
from realtime.presence.tag_index import TagIndex
from realtime.presence.user_entry import UserEntry

_by_rank = attrgetter("rank")
_by_id = attrgetter("record.profile.user_id")


class Registry:
    """All entries by id, and the order of the feed: available, busy, offline, each by the newest `last_seen`."""

    def __init__(self) -> None:
        self._entries: dict[int, UserEntry] = {}
        self._external: dict[str, UserEntry] = {}
        """The users who have an id in another program, by that id."""
        self.deleted: dict[int, datetime] = {}
        """Users who were deleted, and when. Their ids are never given to anyone else."""
        self._order: list[UserEntry] = []
        self._listed: list[UserEntry] | None = None
        """In the order of the ids; None after a user was added or removed."""
        self._sorted = True
        self._moved: set[UserEntry] = set()
        """Entries whose rank is out of date. Users are heard much more often than anyone asks for the order."""
        self.online = 0
        self.available = 0
        self.changed: set[int] = set()
        """Users who may look different on the dashboard since it emptied this set."""
        self.heard: set[int] = set()
        """Users who gave a sign of life since then."""
        self._tags = TagIndex[UserEntry]()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[UserEntry]:
        return iter(self._entries.values())

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._entries

    def has_known(self, user_id: int) -> bool:
        """Whether this is, or was, a user's id."""
        return user_id in self._entries or user_id in self.deleted

    def find(self, user_id: int) -> UserEntry | None:
        """The user's entry, or None."""
        return self._entries.get(user_id)

    def find_external(self, external_id: str) -> UserEntry | None:
        """The entry of the user with this external id, or None."""
        return self._external.get(external_id)

    def get(self, user_id: int) -> UserEntry:
        """The user's entry. Raises NotFound."""
        entry = self._entries.get(user_id)
        if entry is None:
            raise NotFound("No such user")
        return entry

    def name(self, user_id: int) -> str:
        """The user's name, “deleted user #12”, or “user 12” for an id that nobody has."""
        entry = self._entries.get(user_id)
        if entry is None:
            return anonymous_name(user_id) if user_id in self.deleted else f"user {user_id}"
        return entry.profile.username

    def add(self, entry: UserEntry) -> None:
        """Add a new user."""
        self._entries[entry.profile.user_id] = entry
        if entry.profile.external_id is not None:
            self._external[entry.profile.external_id] = entry
        self._order.append(entry)
        self._tags.move(entry, (), entry.record.tags)
        self._listed = None
        self._count(entry.status, 1)
        entry.rank, self._sorted = _rank(entry.status), False

    def remove(self, entry: UserEntry) -> None:
        """Remove a user who was deleted."""
        user_id, external_id = entry.profile.user_id, entry.profile.external_id
        del self._entries[user_id]
        if external_id is not None and self._external.get(external_id) is entry:
            del self._external[external_id]
        self._order.remove(entry)
        self._listed = None
        self._tags.move(entry, entry.record.tags, ())
        self._moved.discard(entry)
        self._count(entry.status, -1)
        self.changed.add(user_id)
        self.heard.discard(user_id)

    def replace_record(self, entry: UserEntry, record: Record) -> None:
        """Give an entry its new record, and the status in it."""
        if record.profile is not entry.record.profile:
            entry.name_anew(record.profile)
        if record.tags != entry.record.tags:
            self._tags.move(entry, entry.record.tags, record.tags)
        entry.record, status = record, record.status
        if status.last_seen < entry.last_seen:
            status = msgspec.structs.replace(status, last_seen=entry.last_seen)
        self.replace_status(entry, status)

    def replace_status(self, entry: UserEntry, status: Status) -> None:
        """Give an entry its new status, and its new place in the feed."""
        self._count(entry.status, -1)
        entry.status = status
        self._count(status, 1)
        self._place(entry)

    def page(
        self, q: str, *, online_only: bool, available_only: bool, skip: int, limit: int, tags: Collection[str] = ()
    ) -> tuple[list[Status], int]:
        """One page of statuses in the order of the feed, and how many match. What `q` finds best comes first.

        If `tags` are given, only users who have any of them match.
        """
        self._rank_moved()
        if tags:
            candidates = sorted(self.tagged(tags), key=_by_rank)
            if available_only:
                candidates = [each for each in candidates if each.status.is_available]
            elif online_only:
                candidates = [each for each in candidates if each.status.is_online]
        else:
            candidates = self._in_order(online_only=online_only, available_only=available_only)
        if q:
            search = Search(q)
            candidates = search.best_first(search.find(candidates))
        return [entry.status for entry in candidates[skip : skip + limit]], len(candidates)

    def by_id(self, tag: str | None = None) -> Sequence[UserEntry]:
        """All users, or those with a tag, in the order of their ids."""
        if tag is not None:
            return sorted(self.tagged([tag]), key=_by_id)
        if self._listed is None:
            self._listed = sorted(self._entries.values(), key=_by_id)
        return self._listed

    def statuses(self, user_ids: Collection[int] | None = None, tags: Collection[str] | None = None) -> list[Status]:
        """The statuses now of the users with one of these ids who have one of these tags. None: any.

        The values are frozen, so the list is a snapshot.
        """
        if tags is not None:
            entries: Iterable[UserEntry] = sorted(self.tagged(tags), key=_by_id)
            entries = [each for each in entries if user_ids is None or each.profile.user_id in user_ids]
        elif user_ids is not None:
            entries = [entry for user_id in sorted(user_ids) if (entry := self._entries.get(user_id))]
        else:
            entries = self._entries.values()
        return [entry.status for entry in entries]

    def tagged(self, tags: Iterable[str]) -> set[UserEntry]:
        """The users who have any of these tags."""
        return self._tags.find(tags)

    def tag_counts(self) -> dict[str, int]:
        """All tags, in alphabetical order, each with the number of its users."""
        return self._tags.counts()

    def _in_order(self, *, online_only: bool, available_only: bool) -> list[UserEntry]:
        if not self._sorted:
            # The list is nearly in order, where Python's sort is linear.
            self._order.sort(key=_by_rank)
            self._sorted = True
        count = self.available if available_only else self.online if online_only else len(self._order)
        return self._order[:count]

    def _count(self, status: Status, step: int) -> None:
        self.online += step * status.is_online
        self.available += step * status.is_available

    def _place(self, entry: UserEntry) -> None:
        self._moved.add(entry)
        self._sorted = False

    def _rank_moved(self) -> None:
        for entry in self._moved:
            entry.rank = _rank(entry.status)
        self._moved.clear()


def _rank(status: Status) -> int:
    """The place in the feed as a number: the state, the newest last_seen (46 bits of milliseconds), then the id."""
    state = 0 if status.is_available else 1 if status.is_online else 2
    age = 2**46 - milliseconds(status.last_seen)
    return (state << 46 | age) << 53 | status.user_id
