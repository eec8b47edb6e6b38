"""Row cache: every user's row, encoded, made anew where something touched it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from realtime.clock import milliseconds
from realtime.dashboard.row_builder import RowBuilder
from realtime.presence.registry import Registry, UserEntry

ROWS_AT_ONCE = 1000
"""Rows made at a stretch: some milliseconds of the loop."""

_encoder = msgspec.json.Encoder()


class RowCache:
    """So that all rows cost a join, and what changed costs as much as there is of it.

    `review` is told of each entry that was touched. While nobody watches, a touched row is only outdated.
    """

    def __init__(
        self,
        registry: Registry,
        row_builder: RowBuilder,
        changed_users: ChangedUsers,
        review: Callable[[UserEntry], None],
    ) -> None:
        self._registry = registry
        self._row_builder = row_builder
        self._changed_users = changed_users
        self._review = review
        self._rows: dict[int, msgspec.Raw] = {}
        self._outdated: set[int] = set()
        """Rows to be made anew for whoever asks for all."""
        self._changed: set[int] = set()
        """Rows to be made anew and told."""
        self._heard: set[int] = set()
        """Users of whom a sign of life is all there is to tell."""

    def absorb(self, *, is_watched: bool) -> None:
        """Take over what was touched since the last time."""
        users, heard = set(self._changed_users.users), set(self._changed_users.heard)
        self._changed_users.users.clear()  # emptied, not replaced: the core holds these very sets
        self._changed_users.heard.clear()
        for user_id in list(users):
            entry = self._registry.get(user_id)
            self._review(entry)
            users.update(self._row_builder.naming(entry))
        if is_watched:
            self._changed |= users
            self._note_heard(heard - users)
        else:
            self._outdated |= self._changed | users | heard
            self._changed.clear()
            self._heard.clear()

    def warm(self) -> None:
        """Make some outdated rows anew, so that who asks for all waits for few."""
        self._make(self._take(self._outdated, ROWS_AT_ONCE))

    def all(self) -> list[msgspec.Raw]:
        """Everyone's row, as it is now."""
        self._make(self._outdated)
        self._outdated.clear()
        return list(self._rows.values())

    def changed(self, *, everything: bool) -> list[msgspec.Raw]:
        """Rows that are others than before; the rest comes the next time, unless everything is asked for."""
        return self._make(self._take(self._changed, len(self._changed) if everything else ROWS_AT_ONCE))

    def heard(self) -> list[tuple[int, int]]:
        """(user id, last sign of life) of those who were heard and have no changed row."""
        heard, self._heard = self._heard, set()
        self._outdated |= heard
        return [(user_id, milliseconds(self._registry.get(user_id).last_seen)) for user_id in sorted(heard)]

    def _note_heard(self, user_ids: set[int]) -> None:
        for user_id in user_ids:
            # Without a socket, “heartbeat 20 s ago” is what the row says.
            (self._heard if self._registry.get(user_id).sessions else self._changed).add(user_id)
        self._heard -= self._changed

    def _take(self, waiting: set[int], limit: int) -> list[int]:
        return [waiting.pop() for _ in range(min(limit, len(waiting)))]

    def _make(self, user_ids: Iterable[int]) -> list[msgspec.Raw]:
        made: list[msgspec.Raw] = []
        for user_id in user_ids:
            row = msgspec.Raw(_encoder.encode(self._row_builder.user(self._registry.get(user_id))))
            if row != self._rows.get(user_id):
                self._rows[user_id] = row
                made.append(row)
        return made


class ChangedUsers:
    """Two sets that the core adds to on its hot path and the overview empties. At most every user is in them."""

    def __init__(self) -> None:
        self.users: set[int] = set()
        """Something that a row shows may have changed."""
        self.heard: set[int] = set()
        """There was a sign of life."""
