"""Operator commands: what operators' sockets may ask, which is a `ping`. Actions never go over a socket."""

from __future__ import annotations

from realtime.clock import Clock
from realtime.commands import CommandRules
from realtime.counters import Counters
from realtime.protocol import CloseCode, Error, ErrorCode, Ping, Pong, decode
from realtime.ratelimit import Buckets
from realtime.watcher import Watcher


class OperatorCommands:
    """Each command is checked, its rate first, as clients' are."""

    def __init__(self, buckets: Buckets, clock: Clock, counters: Counters, rules: CommandRules) -> None:
        self._buckets = buckets
        self._clock = clock
        self._counters = counters
        self._rules = rules

    def dispatch(self, watcher: Watcher, text: str) -> None:
        """Carry out one message of an operator's socket, or say why not."""
        if not self.allow(watcher):
            return
        try:
            command = decode(text)
        except ValueError:
            command = None
        if not isinstance(command, Ping):
            self._refuse_invalid(watcher)
            return
        self._counters.messages_in["ping"] += 1
        watcher.heard_at = self._clock.now()
        utc = self._clock.utc()
        stamp = utc.isoformat().replace("+00:00", "Z") if command.timestamp is None else command.timestamp
        watcher.push(Pong(timestamp=stamp, server_time=utc))

    def not_text(self, watcher: Watcher) -> None:
        """A binary message, which no command is."""
        if self.allow(watcher):
            self._refuse_invalid(watcher)

    def pong(self, watcher: Watcher) -> None:
        """The peer's protocol layer answered a ping."""
        watcher.heard_at = self._clock.now()

    def allow(self, watcher: Watcher) -> bool:
        """Whether the socket may ask anything now."""
        if not watcher.is_open:
            return False
        if self._buckets.take(watcher.session_id, self._clock.now()):
            return True
        self._counters.messages_in["rate_limited"] += 1
        self._refuse(watcher, "RATE_LIMIT_ERROR", "Rate limit exceeded")
        self._strike(watcher, "rate", self._rules.rate_strikes, CloseCode.RATE_LIMITED)
        return False

    def _refuse_invalid(self, watcher: Watcher) -> None:
        self._counters.messages_in["invalid"] += 1
        self._refuse(watcher, "INVALID_MESSAGE_ERROR", "Operators' sockets take pings alone")
        self._strike(watcher, "invalid", self._rules.invalid_strikes, CloseCode.PROTOCOL_VIOLATION)

    def _refuse(self, watcher: Watcher, code: ErrorCode, message: str) -> None:
        if watcher.errors.take(self._clock.now()):
            watcher.push(Error(message=message, code=code))

    def _strike(self, watcher: Watcher, kind: str, limit: int, code: CloseCode) -> None:
        """One error is answered and forgiven; a stream of them ends the socket."""
        if not watcher.strikes.add(kind, limit, self._rules.strike_window_seconds, self._clock.now()):
            watcher.close(code, kind)
