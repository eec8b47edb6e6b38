"""Session sharing: tells the other servers of this server's sockets, and reads theirs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec

from models.errors import StoreUnavailable
from models.shared_log import MOST_ROWS, SharedLog
from realtime.clock import Environment, Timers
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.codec import decoded_sessions
from realtime.presence.log import SessionsChange, SharedSession
from realtime.sockets.hub import Hub
from realtime.sockets.session import Session
from realtime.sockets.shared_sessions import SharedSessions
from settings import Settings

WRITE_SECONDS = 1.0
"""The shortest time between two writes, each of which has all that has changed."""

HEARD_SECONDS = 30.0
"""How often the row of a socket is written again, with its last sign of life."""

_KEY = "sessions"


class SessionSharing:
    """Writes the rows of this server's sockets, at most once a second. Costs nothing per message.

    The log tells the others what was opened, closed or became silent. They read the last sign of life only when
    somebody wants to see it.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        timers: Timers,
        shared: SharedLog,
        log: ClusterLog,
        hub: Hub,
        sessions: SharedSessions,
    ) -> None:
        self._silent_seconds = settings.silent_socket_seconds
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._timers = timers
        self._shared = shared
        self._log = log
        self._hub = hub
        self._sessions = sessions
        self._waiting: dict[str, None] = {}
        """Sockets that the other servers have to be told about, or may have to be."""
        self._rows: dict[str, tuple[SharedSession, float]] = {}
        """The row of each socket as it was last written, and the steady time of that, the oldest first."""
        self._written_at = self._clock.now() - WRITE_SECONDS
        self._is_writing = False

    def note(self, session_ids: Iterable[str]) -> None:
        """These sockets were opened or closed, or became silent or active again."""
        self._waiting.update(dict.fromkeys(session_ids))
        self._write_later()

    def joined(self, *, starts_over: bool, name: str) -> None:
        """This server takes part again. If it starts over, what it wrote before may be lost."""
        if starts_over:
            self._rows.clear()
            self._waiting.update(dict.fromkeys(session.session_id for _, session in self._hub.of_users()))
            self._waiting.update(dict.fromkeys(self._sessions.of_server(name)))
        self._write_later()

    async def read_all(self) -> None:
        """Read the sockets of all servers anew. Raises StoreUnavailable."""
        found: dict[str, list[SharedSession]] = {}
        for server, counter in (await self._shared.nodes()).items():
            if counter is not None:
                found[server] = decoded_sessions(
                    [row async for some in self._shared.scan_sessions(server) for row in some.values()]
                )
        self._sessions.replace_all(found)

    async def refresh_heard(self, user_id: int) -> None:
        """Read the last signs of life of a user's sockets on other servers, if the log can be reached."""
        by_server: dict[str, list[str]] = {}
        for each in self._sessions.elsewhere(user_id):
            by_server.setdefault(each.server, []).append(each.session.session_id)
        with contextlib.suppress(StoreUnavailable):
            for server, session_ids in by_server.items():
                rows = await self._shared.session_rows(server, session_ids)
                self._sessions.note_heard(decoded_sessions(rows))

    def _write_later(self) -> None:
        """Write when something waits, or when the oldest row is due again."""
        if self._is_writing or not self._log.is_open:
            return
        if self._waiting:
            self._write_at(self._written_at + WRITE_SECONDS)
        elif self._rows:
            _, oldest = next(iter(self._rows.values()))
            self._write_at(max(oldest + HEARD_SECONDS, self._written_at + WRITE_SECONDS))

    def _write_at(self, when: float) -> None:
        self._timers.at(when, _KEY, lambda: self._spawn(self._write()))

    async def _write(self) -> None:
        self._is_writing, self._written_at = True, self._clock.now()
        waiting, self._waiting = self._waiting, {}
        closed = [session_id for session_id in waiting if self._hub.find(session_id) is None]
        opened = [session_id for session_id in waiting if self._hub.find(session_id) is not None]
        left = [*((each, True) for each in (*closed, *opened)), *((each, False) for each in self._due(waiting))]
        try:
            while left and await self._write_some(left[:MOST_ROWS]):
                left = left[MOST_ROWS:]
        finally:
            self._waiting = {session_id: None for session_id, is_news in left if is_news} | self._waiting
            self._is_writing = False
        self._write_later()

    def _due(self, waiting: dict[str, None]) -> list[str]:
        """The sockets whose rows are due again."""
        before, due = self._clock.now() - HEARD_SECONDS, list[str]()
        for session_id, (_, at) in self._rows.items():
            if at > before:
                break
            if session_id not in waiting:
                due.append(session_id)
        return due

    async def _write_some(self, some: list[tuple[str, bool]]) -> bool:
        """Write some rows, each of which is news or not. Returns whether that certainly worked."""
        change, written = SessionsChange([], []), list[SharedSession]()
        for session_id, is_news in some:
            session = self._hub.find(session_id)
            user_id = None if session is None else session.user_id
            if session is None or user_id is None:
                self._rows.pop(session_id, None)
                change.closed.append(session_id)
                continue
            row = self._row(user_id, session)
            written.append(row)
            if is_news:
                change.opened.append(row)
        return await self._log.put_sessions(written, change)

    def _row(self, user_id: int, session: Session) -> SharedSession:
        """The row of a user's socket as it is now."""
        now = self._clock.now()
        heard_at, is_silent = self._clock.wall_of(session.heard_at), session.heard_at < now - self._silent_seconds
        known = self._rows.pop(session.session_id, None)
        if known is not None:  # computed again, the wall time at which it was opened would differ slightly
            row = msgspec.structs.replace(known[0], heard_at=heard_at, is_silent=is_silent)
        else:
            opened_at = self._clock.wall_of(session.opened_at)
            row = SharedSession(
                session.session_id, user_id, session.channel, session.device, session.address,
                opened_at, heard_at, is_silent,
            )  # fmt: skip
        self._rows[session.session_id] = row, now
        return row
