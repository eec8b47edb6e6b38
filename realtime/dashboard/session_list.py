"""Session list: the sockets of users on all servers, as operators see them."""

from __future__ import annotations

from collections.abc import Callable

from realtime.clock import Clock
from realtime.dashboard.rows import SessionRow
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import SharedSession
from realtime.sockets.hub import Hub
from realtime.sockets.session import Session
from realtime.sockets.shared_sessions import SharedSessions


class SessionList:
    """This server's sockets as they are, and those of the others as the log last told of them."""

    def __init__(self, hub: Hub, shared: SharedSessions, clock: Clock, incarnation: Incarnation) -> None:
        self.hub = hub
        self._shared = shared
        self._clock = clock
        self._incarnation = incarnation
        self.label: Callable[[str], str] = _no_label
        """The name of a server that operators see."""

    def of_user(self, user_id: int) -> list[SessionRow]:
        """A user's sockets, the newest first."""
        here = [self.row(session) for session in self.hub.of_user(user_id)]
        elsewhere = [self._elsewhere(each.session, each.server) for each in self._shared.elsewhere(user_id)]
        return sorted([*here, *elsewhere], key=lambda row: row.opened_at, reverse=True)

    def count(self, user_id: int) -> int:
        """How many sockets a user has."""
        return len(self.hub.of_user(user_id)) + len(self._shared.elsewhere(user_id))

    def device(self, user_id: int) -> str:
        """The device of a user's newest socket, or an empty text."""
        elsewhere = self._shared.elsewhere(user_id)
        if not elsewhere:
            sessions = self.hub.of_user(user_id)
            return max(sessions, key=lambda each: each.opened_at).device if sessions else ""
        return self.of_user(user_id)[0].device

    def heard(self, user_id: int) -> int:
        """The last sign of life on a socket of another server that is known here, or 0."""
        return max((each.session.heard_at for each in self._shared.elsewhere(user_id)), default=0)

    def silent_elsewhere(self) -> list[tuple[int, SessionRow]]:
        """The sockets on other servers that need attention, each with its user."""
        return [
            (each.session.user_id, self._elsewhere(each.session, each.server))
            for each in self._shared.silent_elsewhere()
        ]

    def row(self, session: Session) -> SessionRow:
        """The row of a socket of this server."""
        return SessionRow(
            session_id=session.session_id,
            channel=session.channel,
            device=session.device,
            address=session.address,
            opened_at=self._clock.wall_of(session.opened_at),
            heard_at=self._clock.wall_of(session.heard_at),
            server=self.label(self._incarnation.id),
        )

    def _elsewhere(self, session: SharedSession, server: str) -> SessionRow:
        return SessionRow(
            session_id=session.session_id,
            channel=session.channel,
            device=session.device,
            address=session.address,
            opened_at=session.opened_at,
            heard_at=session.heard_at,
            server=self.label(server),
        )


def _no_label(_server: str) -> str:
    return ""
