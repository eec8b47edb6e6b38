"""Named users: the sessions that watch users by external ids, which nobody may have yet."""

from __future__ import annotations

from collections.abc import Iterable

from models.external_ids import external_id_of, spellings
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import Subscription
from realtime.sockets.session import Session


class NamedUsers:
    """Knows for each external id which sessions watch it. A session is told of the user as soon as there is one."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._sessions: dict[str, set[Session]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def watch(self, session: Session, subscription: Subscription, given: Iterable[int | str]) -> frozenset[int]:
        """A session subscribes to these users and to no others. Returns the ids of those who are known."""
        user_ids, names = set[int](), set[str]()
        for each in given:
            if isinstance(each, int):
                user_ids.add(each)
            else:
                names.update(spellings(external_id_of(each) or ""))
        self.forget(session, subscription)
        for name in names:
            self._sessions.setdefault(name, set()).add(session)
            entry = self._registry.find_external(name)
            if entry is not None:
                user_ids.add(entry.profile.user_id)
        if names:
            session.named[subscription] = frozenset(names)
        return frozenset(user_ids)

    def forget(self, session: Session, subscription: Subscription) -> None:
        """A session does not subscribe to these users any more."""
        before = session.named.pop(subscription, frozenset())
        for name in before.difference(*session.named.values()):
            sessions = self._sessions[name]
            sessions.discard(session)
            if not sessions:
                del self._sessions[name]

    def forget_all(self, session: Session) -> None:
        """A session has ended."""
        for subscription in list(session.named):
            self.forget(session, subscription)

    def watching(self, entry: UserEntry) -> list[tuple[Session, Subscription]]:
        """The sessions, and their subscriptions, that watch this user by the external id."""
        external_id = entry.profile.external_id
        if external_id is None or external_id not in self._sessions:
            return []
        return [
            (session, subscription)
            for session in self._sessions[external_id]
            for subscription, names in session.named.items()
            if external_id in names
        ]
