"""Operator commands: what operators' sockets may ask, which is a `ping`. Actions never go over a socket."""

from __future__ import annotations

from realtime.clock import Clock
from realtime.counters import Counters
from realtime.dashboard.operator_session import OperatorSession
from realtime.protocol import CloseCode, Error, ErrorCode, Ping, Pong, decode
from realtime.ratelimit import Buckets
from realtime.sockets.commands import CommandRules


class OperatorCommands:
    """Each command is checked, its rate first, as clients' are."""

    def __init__(self, buckets: Buckets, clock: Clock, counters: Counters, rules: CommandRules) -> None:
        self._buckets = buckets
        self._clock = clock
        self._counters = counters
        self._rules = rules

    def dispatch(self, operator_session: OperatorSession, text: str) -> None:
        """Carry out one message of an operator's socket, or say why not."""
        if not self.allow(operator_session):
            return
        try:
            command = decode(text)
        except ValueError:
            command = None
        if not isinstance(command, Ping):
            self._refuse_invalid(operator_session)
            return
        self._counters.messages_in["ping"] += 1
        operator_session.heard_at = self._clock.now()
        utc = self._clock.utc()
        stamp = utc.isoformat().replace("+00:00", "Z") if command.timestamp is None else command.timestamp
        operator_session.push(Pong(timestamp=stamp, server_time=utc))

    def not_text(self, operator_session: OperatorSession) -> None:
        """A binary message, which no command is."""
        if self.allow(operator_session):
            self._refuse_invalid(operator_session)

    def pong(self, operator_session: OperatorSession) -> None:
        """The peer's protocol layer answered a ping."""
        operator_session.heard_at = self._clock.now()

    def allow(self, operator_session: OperatorSession) -> bool:
        """Whether the socket may ask anything now."""
        if not operator_session.is_open:
            return False
        if self._buckets.take(operator_session.session_id, self._clock.now()):
            return True
        self._counters.messages_in["rate_limited"] += 1
        self._refuse(operator_session, "RATE_LIMIT_ERROR", "Rate limit exceeded")
        self._strike(operator_session, "rate", self._rules.rate_strikes, CloseCode.RATE_LIMITED)
        return False

    def _refuse_invalid(self, operator_session: OperatorSession) -> None:
        self._counters.messages_in["invalid"] += 1
        self._refuse(operator_session, "INVALID_MESSAGE_ERROR", "Operators' sockets take pings alone")
        self._strike(operator_session, "invalid", self._rules.invalid_strikes, CloseCode.PROTOCOL_VIOLATION)

    def _refuse(self, operator_session: OperatorSession, code: ErrorCode, message: str) -> None:
        if operator_session.errors.take(self._clock.now()):
            operator_session.push(Error(message=message, code=code))

    def _strike(self, operator_session: OperatorSession, kind: str, limit: int, code: CloseCode) -> None:
        """One error is answered and forgiven; a stream of them ends the socket."""
        if not operator_session.strikes.add(kind, limit, self._rules.strike_window_seconds, self._clock.now()):
            operator_session.close(code, kind)
