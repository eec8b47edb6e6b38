"""Limits: how much one user, one operator or one address may ask of the server, and how often a socket may send."""

from __future__ import annotations

import math
from collections import Counter
from typing import Protocol

from models.errors import TooMany
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.protocol import CloseCode, ErrorCode
from realtime.ratelimit import Buckets, Key, Strikes, Turns
from settings import Settings, variable


class Limit:
    """A limit by key that refuses with an error, and counts what it refused under a fixed reason."""

    def __init__(
        self, buckets: Buckets, clock: Clock, refused: Counter[str], reason: str, message: str, setting: str
    ) -> None:
        self.buckets = buckets
        self._clock = clock
        self._refused = refused
        self._reason = reason
        self._message = message
        self._setting = setting
        """The variables that raise the limit."""

    def take(self, key: Key) -> None:
        """Count one. Raises TooMany, which says when to try again."""
        if not self.has_taken(key):
            self.refuse(key)

    def has_taken(self, key: Key) -> bool:
        """Count one if there is room."""
        return self.buckets.take(key, self._clock.now())

    def has_room(self, key: Key) -> bool:
        """Whether one more is allowed now."""
        return not self.buckets.seconds_until_next(key, self._clock.now())

    def count(self, key: Key) -> None:
        """Count one that has happened, whether or not there was room."""
        self.buckets.charge(key, self._clock.now())

    def give_back(self, key: Key) -> None:
        """Count one less: what was counted turned out not to count."""
        self.buckets.give_back(key)

    def refuse(self, key: Key) -> None:
        """Raise TooMany for the key, and count it."""
        self._refused[self._reason] += 1
        wait = self.buckets.seconds_until_next(key, self._clock.now())
        raise TooMany(self._message, retry_after=max(1, math.ceil(wait)), setting=self._setting)


class Limits:
    """All limits by user, operator or address. Each keeps its keys in memory, and a restart forgets them."""

    def __init__(self, settings: Settings, clock: Clock, counters: Counters) -> None:
        self._clock = clock
        upgrades, requests = counters.refused, counters.refused_requests

        def buckets(burst: str, per_second: str) -> Buckets:
            return Buckets(getattr(settings, burst), getattr(settings, per_second), settings.limited_keys)

        def limit(burst: str, per_second: str, refused: Counter[str], reason: str, message: str) -> Limit:
            setting = f"{variable(burst)}, {variable(per_second)}"
            return Limit(buckets(burst, per_second), clock, refused, reason, message, setting)

        self.commands = buckets("command_burst", "commands_per_second")
        """Commands on sockets, by user or by operator's session."""
        self.connects = limit("connect_burst", "connects_per_second", upgrades, "connects", "Too many new sockets.")
        """Sockets opened, by user or service key."""
        self.refusals = limit(
            "refusals_per_address", "refusals_per_second", upgrades, "refusals",
            "Too many attempts without valid credentials.",
        )  # fmt: skip
        """Sockets refused for their credentials, by address."""
        self.requests = limit("request_burst", "requests_per_second", requests, "requests", "Too many requests.")
        """Requests with a token, by user."""
        self.turns = Turns(settings.requests_at_once, settings.request_burst)
        """Requests that are carried out, by user."""
        self.history_turns = Turns(settings.history_reads_at_once)
        """Pages of the call history that are read, by user. They are what keeps a store busy for longest."""
        self.key_requests = limit(
            "key_request_burst", "key_requests_per_second", requests, "key_requests",
            "Too many requests with this service key.",
        )  # fmt: skip
        """Requests of backends, by service key."""
        self.key_turns = Turns(settings.key_requests_at_once, settings.key_request_burst)
        """Requests of backends that are carried out, by service key."""
        self.registrations = limit(
            "registration_burst", "registrations_per_second", requests, "registrations",
            "Too many registrations from this address.",
        )  # fmt: skip
        """Registrations, by address."""
        self.sign_ins = limit(
            "sign_in_burst", "sign_ins_per_second", requests, "sign_ins", "Too many sign-ins from this address."
        )
        """Sign-ins of users and operators, right or wrong, by address."""
        self.refused_actions = limit(
            "refused_action_burst", "refused_actions_per_second", requests, "refused_actions",
            "Too many of your actions were refused. Try again in a moment.",
        )  # fmt: skip
        """Actions that were refused and recorded in the audit, by operator."""

    def sweep(self) -> None:
        """Forget the keys that have not used up anything."""
        now = self._clock.now()
        self.commands.drop_full(now)
        for each in (
            self.connects, self.refusals, self.requests, self.key_requests, self.registrations, self.sign_ins,
            self.refused_actions,
        ):  # fmt: skip
            each.buckets.drop_full(now)


class GuardedPeer(Protocol):
    """What the guard needs of a user's or an operator's session."""

    @property
    def strikes(self) -> Strikes: ...
    def refuse(self, code: ErrorCode, message: str, now: float, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...


class CommandGuard:
    """A single error is answered and forgiven. A stream of errors closes the socket."""

    def __init__(self, settings: Settings, clock: Clock, counters: Counters, buckets: Buckets) -> None:
        self.clock = clock
        self.counters = counters
        self._buckets = buckets
        self._rate_strikes = settings.rate_strikes
        self._invalid_strikes = settings.invalid_strikes
        self._strike_window_seconds = settings.strike_window_seconds

    def take(self, peer: GuardedPeer, key: int | str) -> bool:
        """Count one command. False when `key` has sent too many; then the peer has been told."""
        now = self.clock.now()
        if self._buckets.take(key, now):
            return True
        self.counters.messages_in["rate_limited"] += 1
        peer.refuse("RATE_LIMIT_ERROR", "Rate limit exceeded", now)
        self._strike(peer, "rate", self._rate_strikes, CloseCode.RATE_LIMITED)
        return False

    def refuse_invalid(self, peer: GuardedPeer, message: str) -> None:
        """Refuse a message that is not a valid command."""
        self.counters.messages_in["invalid"] += 1
        peer.refuse("INVALID_MESSAGE_ERROR", message, self.clock.now())
        self._strike(peer, "invalid", self._invalid_strikes, CloseCode.PROTOCOL_VIOLATION)

    def _strike(self, peer: GuardedPeer, kind: str, limit: int, code: CloseCode) -> None:
        if not peer.strikes.add(kind, limit, self._strike_window_seconds, self.clock.now()):
            peer.close(code, kind)
