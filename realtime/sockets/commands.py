"""Commands: each message from a client is checked (token, rate, form), then carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from models.errors import Unauthenticated, Undecided
from models.service_keys import ServiceKey
from models.tokens import Identity
from realtime.limits import CommandGuard
from realtime.presence.engine import Presence
from realtime.protocol import (
    AnyCommand,
    CloseCode,
    Error,
    Heartbeat,
    HeartbeatAck,
    Ping,
    Pong,
    Refresh,
    Subscribe,
    TokenRefreshed,
    Unsubscribe,
    decode,
)
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.liveness import Liveness
from realtime.sockets.session import Session
from realtime.sockets.subscriptions import Subscriptions
from settings import Settings


class Commands:
    """The commands that clients send over their sockets."""

    def __init__(
        self,
        settings: Settings,
        guard: CommandGuard,
        authenticator: Authenticator,
        presence: Presence,
        liveness: Liveness,
        subscriptions: Subscriptions,
    ) -> None:
        self._message_limit_bytes = settings.message_limit_bytes
        self._guard = guard
        self._clock = guard.clock
        self._authenticator = authenticator
        self._presence = presence
        self._liveness = liveness
        self._subscriptions = subscriptions
        self._table: dict[type[AnyCommand], Callable[[Session, Any], None]] = {
            Ping: self._ping,
            Heartbeat: self._heartbeat,
            Subscribe: subscriptions.subscribe,
            Unsubscribe: subscriptions.unsubscribe,
            Refresh: self._refresh,
        }

    def dispatch(self, session: Session, text: str) -> None:
        """Carry out one message from a client, or answer with an error."""
        if not self.allow(session):
            return
        is_long = _is_longer(text, self._message_limit_bytes)
        try:
            command = decode(text)
            if is_long and not isinstance(command, Refresh):
                raise ValueError
            if isinstance(command, Subscribe):
                self._subscriptions.check(command)
        except ValueError as error:
            if is_long:  # only tokens of another issuer may be
                session.close(CloseCode.TOO_BIG, "message too big")
            else:
                self._guard.refuse_invalid(session, str(error))
            return
        self._guard.counters.messages_in[str(command.__struct_config__.tag)] += 1
        self._heard(session)
        self._table[type(command)](session, command)

    def allow(self, session: Session) -> bool:
        """Whether the session may send a command now: its token is valid, and it is within its rate."""
        if not session.is_open:
            return False
        if self._liveness.is_expired(session):
            self._liveness.expire(session)
            return False
        if self._authenticator.is_revoked(session.identity):
            session.push(Error(message="Signed out", code="AUTH_ERROR"))
            session.close(CloseCode.REVOKED, "signed out", clean=True)
            return False
        return self._guard.take(session, session.session_id if session.user_id is None else session.user_id)

    def pong(self, session: Session) -> None:
        """Note the answer to a ping. A pong that nobody asked for counts as a command."""
        if session.awaits_pong or self.allow(session):
            session.awaits_pong = False
            self._heard(session)

    def not_text(self, session: Session) -> None:
        """Refuse a binary message: commands are text."""
        if self.allow(session):
            self._guard.refuse_invalid(session, "Invalid message format")

    def _heard(self, session: Session) -> None:
        """Note a sign of life."""
        session.heard_at = self._clock.now()
        if isinstance(session.identity, ServiceKey):
            self._authenticator.key_ring.note_use(session.identity)
        else:
            self._presence.seen(session.identity.user_id)

    def _ping(self, session: Session, command: Ping) -> None:
        session.push(pong_to(command, self._clock.utc()))

    def _heartbeat(self, session: Session, _command: Heartbeat) -> None:
        user_id = session.user_id
        status = None if user_id is None else self._presence.socket_heartbeat(user_id)
        session.push(HeartbeatAck(status=status, server_time=self._clock.utc()))

    def _refresh(self, session: Session, command: Refresh) -> None:
        if session.user_id is None:
            message = "A service key does not expire, and is not replaced by a token"
            session.refuse("FORBIDDEN_ERROR", message, self._clock.now())
            return
        then, otherwise = partial(self._replace_token, session), partial(self._refuse_token, session)
        try:
            identity = self._authenticator.identify(command.token)
        except Undecided:
            self._authenticator.when_identified(command.token, then, otherwise)
        except Unauthenticated as error:
            otherwise(error)
        else:
            then(identity)

    def _refuse_token(self, session: Session, error: Unauthenticated) -> None:
        session.refuse("AUTH_ERROR", error.message, self._clock.now())

    def _replace_token(self, session: Session, identity: Identity) -> None:
        if not session.is_open:  # it was closed while it was found out whose the token is
            return
        if identity.user_id != session.user_id:
            session.refuse("FORBIDDEN_ERROR", "This token is another user's", self._clock.now())
            return
        session.identity = identity
        session.expires_at = self._authenticator.expires_at(identity)
        self._liveness.await_expiry(session, identity)
        session.push(TokenRefreshed(expires_at=datetime.fromtimestamp(identity.expires_at, UTC)))


def _is_longer(text: str, limit: int) -> bool:
    """Whether a text takes more bytes than the limit. Most texts are ASCII, which Python knows."""
    return (len(text) if text.isascii() else len(text.encode())) > limit


def pong_to(command: Ping, utc: datetime) -> Pong:
    """The reply to a ping: the client's own timestamp, or else the server's time."""
    stamp = utc.isoformat().replace("+00:00", "Z") if command.timestamp is None else command.timestamp
    return Pong(timestamp=stamp, server_time=utc)
