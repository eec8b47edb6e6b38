"""Subscribers: the sessions that watch single users."""

from __future__ import annotations

from realtime.sockets.session import Session


class Subscribers:
    """By user id."""

    def __init__(self) -> None:
        self._by_user: dict[int, set[Session]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_user)

    def of(self, user_id: int) -> set[Session]:
        """The sessions that watch this user by id."""
        return self._by_user.get(user_id, set())

    def replace(self, session: Session, user_ids: frozenset[int]) -> None:
        """Watch these users from now on, instead of those the session watched by id before."""
        before = frozenset[int]() if session.outbox.interest.everyone else session.outbox.interest.user_ids
        for user_id in before - user_ids:
            watching = self._by_user[user_id]
            watching.discard(session)
            if not watching:
                del self._by_user[user_id]
        for user_id in user_ids - before:
            self._by_user.setdefault(user_id, set()).add(session)
