"""Told ahead: sockets that were told their user's own status before the log that several servers share had it."""

from __future__ import annotations

from collections.abc import Sequence

from models.status import differs
from realtime.presence.changelog import Change
from realtime.presence.registry import Registry
from realtime.sockets.fanout import FanOut
from realtime.sockets.session import Session


class ToldAhead:
    """Spares these sockets the announcement of what they were told already, so that they are told once.

    A socket that opens is told its user's status as it will be. If the log then makes it another one, or the socket was
    sent a snapshot meanwhile, which has the status from before, the announcement does go out to it.
    """

    def __init__(self, registry: Registry, fan_out: FanOut) -> None:
        self._registry = registry
        self._fan_out = fan_out
        self._sessions: dict[int, set[Session]] = {}
        """The sessions of each user that were told ahead."""

    def __len__(self) -> int:
        return len(self._sessions)

    def note(self, user_id: int, session: Session) -> None:
        """A new session of a user was told the user's status ahead."""
        self._sessions.setdefault(user_id, set()).add(session)

    def forget(self, user_id: int, session: Session) -> None:
        """A session of a user has ended."""
        theirs = self._sessions.get(user_id)
        if theirs is not None:
            theirs.discard(session)
            if not theirs:
                del self._sessions[user_id]

    def publish(self, changes: Sequence[Change]) -> None:
        """Send changes to all who watch, except for those who know them."""
        for change in changes if self._sessions else ():
            for session in () if change.is_quiet else self._sessions.pop(change.user_id, ()):
                self._spare(session, change)
        self._fan_out.publish(changes)

    def _spare(self, session: Session, change: Change) -> None:
        told, session.outbox.told_ahead = session.outbox.told_ahead, None
        user = self._registry.find(change.user_id)
        if told is not None and user is not None and not differs(told, user.status):
            self._fan_out.detach(session)
            session.outbox.sent_apart = change.user_id, change.seq
