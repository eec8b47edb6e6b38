"""Hub: all sessions, by user, login and address, and messages to some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from models.addresses import address_key
from models.calls import Call
from models.service_keys import ServiceKey
from models.tokens import Identity
from realtime.counters import Counters
from realtime.presence.log import Kick
from realtime.protocol import CallStatusUpdate, CloseCode, FeedCounts, FeedStats, encode
from realtime.sockets.fanout import FanOut
from realtime.sockets.session import Session

K = TypeVar("K")


class Hub:
    """Every open session. Only `Admission` calls `add` and `remove`."""

    def __init__(self, fan_out: FanOut, counters: Counters) -> None:
        self._fan_out = fan_out
        self._counters = counters
        self._sessions: dict[str, Session] = {}
        self._by_user: dict[int, set[Session]] = {}
        self._by_key: dict[str, set[Session]] = {}
        """The sessions of backends, by the id of their service key."""
        self._by_address: dict[str, int] = {}
        self.on_change: Callable[[list[str]], None] = _ignore
        """Called with a user's socket that opened or ended."""
        self.on_end: Callable[[Session], None] = _forget
        """Called with each session that ended."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def add(self, session: Session) -> None:
        """A session opened."""
        self._sessions[session.session_id] = session
        key = address_key(session.address)
        self._by_address[key] = self._by_address.get(key, 0) + 1
        if isinstance(session.identity, ServiceKey):
            self._by_key.setdefault(session.identity.key_id, set()).add(session)
        else:
            self._by_user.setdefault(session.identity.user_id, set()).add(session)
            self.on_change([session.session_id])

    def remove(self, session: Session) -> None:
        """A session ended."""
        self.on_end(session)
        del self._sessions[session.session_id]
        key = address_key(session.address)
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]
        if isinstance(session.identity, ServiceKey):
            _remove(session, self._by_key, session.identity.key_id)
        else:
            _remove(session, self._by_user, session.identity.user_id)
            self.on_change([session.session_id])

    def find(self, session_id: str) -> Session | None:
        """The open session with this id, or None."""
        return self._sessions.get(session_id)

    def of_user(self, user_id: int) -> list[Session]:
        """The user's sessions."""
        return list(self._by_user.get(user_id, ()))

    def of_users(self) -> Iterator[tuple[int, Session]]:
        """All sessions of users, each with its user."""
        return iter([(user_id, session) for user_id, theirs in self._by_user.items() for session in theirs])

    def heard_before(self, at: float) -> list[tuple[int, Session]]:
        """The sessions of users that were last heard before steady time `at`, each with its user."""
        return [(user_id, each) for user_id, theirs in self._by_user.items() for each in theirs if each.heard_at < at]

    def count_by_channel(self) -> Counter[str]:
        """How many sockets users have on each channel, and how many backends have in all."""
        counts = Counter[str](session.channel for _, session in self.of_users())
        return counts + Counter(service_keys=sum(len(theirs) for theirs in self._by_key.values()))

    def of_key(self, key_id: str) -> list[Session]:
        """The sessions that a service key opened."""
        return list(self._by_key.get(key_id, ()))

    def from_address(self, address: str) -> int:
        """How many sessions an address has, or an IPv6 address's /64."""
        return self._by_address.get(address_key(address), 0)

    def tell_participants(self, call: Call, _is_own: bool) -> None:
        """Tell both participants of a call, after the status updates that it caused."""
        frame = encode(CallStatusUpdate(call=call))
        for user_id in call.participants:
            for session in self.of_user(user_id):
                if "calls" in session.subscriptions:
                    self._fan_out.bring_up(session)
                    session.push_frame(frame)
                    self._fan_out.catch_up(session)
                    self._counters.messages_out["call_status_update"] += 1

    def send_stats(self, sessions: Iterable[Session], counts: FeedCounts, seq: int) -> None:
        """Send the figures to those of the sessions that are open and subscribe to them."""
        frame = encode(FeedStats(stats=counts, seq=seq))
        for session in sessions:
            if session.is_open and not session.subscriptions.keys().isdisjoint(("feed", "stats")):
                session.outbox.offer_stats(frame)
                self._counters.messages_out["feed_stats"] += 1

    def close_user(self, user_id: int, code: CloseCode, reason: str) -> None:
        """Close all sockets of a user."""
        for session in self.of_user(user_id):
            session.close(code, reason, clean=True)

    def kick(self, kick: Kick) -> None:
        """Close those of the sockets that an operator disconnects which this server has."""
        for session in self.of_user(kick.user_id):
            if kick.session_id in ("", session.session_id):
                session.close(CloseCode.REVOKED, "disconnected by an operator", why="operator", clean=True)

    def close_surplus(self, session_id: str) -> None:
        """Close a socket that is one too many of its user."""
        session = self.find(session_id)
        if session is not None:
            session.close(CloseCode.REPLACED, "replaced by a newer socket")

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Close every socket. The clients come back."""
        for session in self:
            session.close(code, reason)

    def close_login(self, login_id: str, code: CloseCode, reason: str) -> None:
        """Close all sockets that a login opened."""
        for session in self:
            if isinstance(session.identity, Identity) and session.identity.login_id == login_id:
                session.close(code, reason, clean=True)

    def close_key(self, key_id: str) -> None:
        """Close all sockets that a service key opened. It was revoked."""
        for session in self.of_key(key_id):
            session.close(CloseCode.REVOKED, "service key revoked", clean=True)


def _remove(session: Session, by_owner: dict[K, set[Session]], owner: K) -> None:
    theirs = by_owner[owner]
    theirs.discard(session)
    if not theirs:
        del by_owner[owner]


def _ignore(_session_ids: list[str]) -> None:
    """Nobody else needs to know of the sockets of a server that is alone."""


def _forget(_session: Session) -> None:
    """Nobody else keeps anything about sessions."""
