"""Subscribers: the sessions that watch single users, or users with certain tags."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from realtime.presence.changelog import Change
from realtime.sockets.interest import NOBODY, Interest
from realtime.sockets.session import Session

Key = TypeVar("Key", bound=Hashable)


class Group:
    """The sessions with the same interest. What they are sent is put together once."""

    __slots__ = ("interest", "sessions")

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self.sessions: set[Session] = set()


class Told:
    """What a group is told of one batch of changes."""

    __slots__ = ("frames", "removals")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.removals = 0
        """How many of the frames say that a user is not watched any more."""


class Subscribers:
    """By user id and by tag, so that a change finds those whom it concerns without asking the others."""

    def __init__(self) -> None:
        self._groups: dict[Interest, Group] = {}
        self._by_user: dict[int, set[Group]] = {}
        self._by_tag: dict[str, set[Group]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def told(self, batch: Iterable[Change]) -> dict[Group, Told]:
        """What each group is told of these changes, if anything."""
        told: dict[Group, Told] = {}
        for change in batch:
            for group in self._concerned(change):
                frame = group.interest.frame(change)
                if frame is not None:
                    theirs = told.setdefault(group, Told())
                    theirs.frames.append(frame)
                    theirs.removals += change.is_removal or frame is not change.frame
        return told

    def move(self, session: Session, interest: Interest) -> None:
        """Watch these users from now on, instead of those that the session watched before."""
        before = self._groups.get(session.outbox.interest)
        if before is not None:
            before.sessions.discard(session)
            if not before.sessions:
                self._remove(before)
        session.outbox.interest = interest
        if interest and not interest.everyone:
            group = self._groups.get(interest) or self._add(interest)
            group.sessions.add(session)

    def leave(self, session: Session) -> None:
        """The session has ended."""
        self.move(session, NOBODY)

    def _concerned(self, change: Change) -> set[Group]:
        groups = set(self._by_user.get(change.user_id, ()))
        for tag in (*change.tags, *change.tags_before):
            groups |= self._by_tag.get(tag, set())
        return groups

    def _add(self, interest: Interest) -> Group:
        group = self._groups[interest] = Group(interest)
        for user_id in interest.user_ids:
            self._by_user.setdefault(user_id, set()).add(group)
        for tag in _tags(interest):
            self._by_tag.setdefault(tag, set()).add(group)
        return group

    def _remove(self, group: Group) -> None:
        del self._groups[group.interest]
        for user_id in group.interest.user_ids:
            _discard(self._by_user, user_id, group)
        for tag in _tags(group.interest):
            _discard(self._by_tag, tag, group)


def _tags(interest: Interest) -> set[str]:
    return {tag for each in interest.by_tags for tag in each.tags or ()}


def _discard(groups: dict[Key, set[Group]], key: Key, group: Group) -> None:
    groups[key].discard(group)
    if not groups[key]:
        del groups[key]
