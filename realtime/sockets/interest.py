"""Interest: the users whose updates a session receives."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from realtime.presence.changelog import Change


class Filter(msgspec.Struct, frozen=True):
    """What one subscription is narrowed to: users with one of these ids who have one of these tags. None: any."""

    user_ids: frozenset[int] | None = None
    tags: frozenset[str] | None = None

    def includes(self, user_id: int, tags: Iterable[str]) -> bool:
        """Whether a user with these tags is among them."""
        is_named = self.user_ids is None or user_id in self.user_ids
        return is_named and (self.tags is None or not self.tags.isdisjoint(tags))


UNFILTERED = Filter()
"""A subscription to everyone."""


class Interest(msgspec.Struct, frozen=True):
    """The users whom a session watches by any of its subscriptions."""

    everyone: bool = False
    user_ids: frozenset[int] = frozenset()
    """Those who are watched whatever their tags are."""
    by_tags: frozenset[Filter] = frozenset()
    """The subscriptions that are narrowed by tags."""

    def __bool__(self) -> bool:
        return self.everyone or bool(self.user_ids or self.by_tags)

    def frame(self, change: Change) -> bytes | None:
        """What a session with this interest is told of a change, or None if nothing."""
        if self.everyone or change.user_id in self.user_ids:
            return None if change.is_quiet else change.frame
        if not self.by_tags:
            return None
        is_in = self._has_tagged(change.user_id, change.tags)
        was_in = self._has_tagged(change.user_id, change.tags_before)
        if is_in:
            return None if was_in and change.is_quiet else change.frame
        return change.removal if was_in else None

    def _has_tagged(self, user_id: int, tags: Iterable[str]) -> bool:
        return any(each.includes(user_id, tags) for each in self.by_tags)


NOBODY = Interest()
EVERYONE = Interest(everyone=True)


def interest_in(filters: Iterable[Filter]) -> Interest:
    """The interest of a session with these subscriptions. It gets each update once."""
    given = set(filters)
    if UNFILTERED in given:
        return EVERYONE
    by_id = [each.user_ids for each in given if each.user_ids is not None and each.tags is None]
    by_tags = frozenset(each for each in given if each.tags is not None)
    return Interest(user_ids=frozenset[int]().union(*by_id), by_tags=by_tags)
