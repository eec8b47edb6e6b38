"""Shared sessions: the sockets on all servers, as the log that they share has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Kick, SessionsChange, SharedSession
from realtime.presence.registry import Registry
from settings import Settings


class LocatedSession(msgspec.Struct, frozen=True):
    """A socket, and the server that it is connected to."""

    server: str
    session: SharedSession


class SharedSessions:
    """Changes only with the entries of the log, so that it is the same on every server. Empty if a server is alone.

    It is a second or so behind the sockets themselves.
    """

    def __init__(self, settings: Settings, incarnation: Incarnation, registry: Registry) -> None:
        self._limit = settings.sockets_per_user
        self._incarnation = incarnation
        self._registry = registry
        self._located: dict[str, LocatedSession] = {}
        self._of_user: dict[int, dict[str, LocatedSession]] = {}
        self._silent: dict[str, LocatedSession] = {}
        self.on_surplus: Callable[[str], None] = _ignore
        """Called with a socket of this server that exceeds its user's limit."""

    def __len__(self) -> int:
        return len(self._located)

    def apply(self, server: str, change: SessionsChange) -> None:
        """A server has opened and closed sockets."""
        for session_id in change.closed:
            self._remove(session_id)
        for session in change.opened:
            self._add(LocatedSession(server, session))
        for user_id in {session.user_id for session in change.opened}:
            self._check_limit(user_id)

    def kicked(self, kick: Kick) -> None:
        """The servers that have these sockets close them now."""
        for session_id in [kick.session_id] if kick.session_id else list(self._of_user.get(kick.user_id, ())):
            self._remove(session_id)

    def gone(self, server: str) -> None:
        """A server is gone, and its sockets with it."""
        for session_id in self.of_server(server):
            self._remove(session_id)

    def replace_all(self, sessions: Mapping[str, Iterable[SharedSession]]) -> None:
        """Take over the sockets of each server as they were read."""
        for session_id in list(self._located):
            self._remove(session_id)
        for server, theirs in sessions.items():
            for session in theirs:
                self._add(LocatedSession(server, session))

    def note_heard(self, sessions: Iterable[SharedSession]) -> None:
        """Take over later signs of life, which the log does not tell of."""
        for session in sessions:
            located = self._located.get(session.session_id)
            if located is not None:
                self._add(LocatedSession(located.server, session))

    def of_server(self, server: str) -> list[str]:
        """The ids of a server's sockets."""
        return [session_id for session_id, located in self._located.items() if located.server == server]

    def elsewhere(self, user_id: int) -> list[LocatedSession]:
        """The user's sockets on other servers."""
        theirs = self._of_user.get(user_id)
        return [located for located in theirs.values() if self._is_elsewhere(located)] if theirs else []

    def silent_elsewhere(self) -> list[LocatedSession]:
        """The sockets on other servers that need attention."""
        return [located for located in self._silent.values() if self._is_elsewhere(located)]

    def _is_elsewhere(self, located: LocatedSession) -> bool:
        return not self._incarnation.is_own(located.server)

    def _add(self, located: LocatedSession) -> None:
        session_id, user_id = located.session.session_id, located.session.user_id
        self._located[session_id] = located
        self._of_user.setdefault(user_id, {})[session_id] = located
        if located.session.is_silent:
            self._silent[session_id] = located
        else:
            self._silent.pop(session_id, None)
        self._registry.changed.add(user_id)

    def _remove(self, session_id: str) -> None:
        located = self._located.pop(session_id, None)
        if located is None:
            return
        self._silent.pop(session_id, None)
        user_id = located.session.user_id
        theirs = self._of_user[user_id]
        del theirs[session_id]
        if not theirs:
            del self._of_user[user_id]
        self._registry.changed.add(user_id)

    def _check_limit(self, user_id: int) -> None:
        """Close the user's silent sockets beyond the limit, and then the oldest. Each server closes its own of them.

        All servers find the same ones, because they know the same.
        """
        theirs = self._of_user[user_id].values()
        surplus = len(theirs) - self._limit
        if surplus > 0:
            for located in sorted(theirs, key=_first_to_go)[:surplus]:
                if not self._is_elsewhere(located):
                    self.on_surplus(located.session.session_id)


def _first_to_go(located: LocatedSession) -> tuple[bool, int, str]:
    return not located.session.is_silent, located.session.opened_at, located.session.session_id


def _ignore(_session_id: str) -> None:
    """A server that is alone closes surplus sockets as soon as another one opens."""
