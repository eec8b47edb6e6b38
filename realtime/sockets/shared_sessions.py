"""Shared sessions: the sockets on all servers, as the log that they share has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Kick, SessionsChange, SharedSession
from realtime.presence.registry import Registry
from settings import Settings


class Held(msgspec.Struct, frozen=True):
    """A socket, and the server that has it."""

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
        self._held: dict[str, Held] = {}
        self._of_user: dict[int, dict[str, Held]] = {}
        self._silent: dict[str, Held] = {}
        self.on_surplus: Callable[[str], None] = _ignore
        """Called with a socket of this server that is one too many of its user."""

    def __len__(self) -> int:
        return len(self._held)

    def apply(self, server: str, change: SessionsChange) -> None:
        """A server has opened and closed sockets."""
        for session_id in change.closed:
            self._remove(session_id)
        for session in change.opened:
            self._add(Held(server, session))
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
        for session_id in list(self._held):
            self._remove(session_id)
        for server, theirs in sessions.items():
            for session in theirs:
                self._add(Held(server, session))

    def note_heard(self, sessions: Iterable[SharedSession]) -> None:
        """Take over later signs of life, which the log does not tell of."""
        for session in sessions:
            held = self._held.get(session.session_id)
            if held is not None:
                self._add(Held(held.server, session))

    def of_server(self, server: str) -> list[str]:
        """The ids of a server's sockets."""
        return [session_id for session_id, held in self._held.items() if held.server == server]

    def elsewhere(self, user_id: int) -> list[Held]:
        """The user's sockets on other servers."""
        theirs = self._of_user.get(user_id)
        return [held for held in theirs.values() if self._is_elsewhere(held)] if theirs else []

    def silent_elsewhere(self) -> list[Held]:
        """The sockets on other servers that need attention."""
        return [held for held in self._silent.values() if self._is_elsewhere(held)]

    def _is_elsewhere(self, held: Held) -> bool:
        return not self._incarnation.is_own(held.server)

    def _add(self, held: Held) -> None:
        session_id, user_id = held.session.session_id, held.session.user_id
        self._held[session_id] = held
        self._of_user.setdefault(user_id, {})[session_id] = held
        if held.session.is_silent:
            self._silent[session_id] = held
        else:
            self._silent.pop(session_id, None)
        self._registry.changed.add(user_id)

    def _remove(self, session_id: str) -> None:
        held = self._held.pop(session_id, None)
        if held is None:
            return
        self._silent.pop(session_id, None)
        user_id = held.session.user_id
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
            for held in sorted(theirs, key=_first_to_go)[:surplus]:
                if not self._is_elsewhere(held):
                    self.on_surplus(held.session.session_id)


def _first_to_go(held: Held) -> tuple[bool, int, str]:
    return not held.session.is_silent, held.session.opened_at, held.session.session_id


def _ignore(_session_id: str) -> None:
    """A server that is alone closes surplus sockets as soon as another one opens."""
