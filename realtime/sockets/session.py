"""Session: the state of one authenticated connection, of a user or of a backend that watches."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from models.service_keys import ServiceKey
from models.tokens import Identity
from realtime.counters import Counters
from realtime.protocol import Channel, CloseCode, Error, ErrorCode, Message, Reason, Subscription, encode
from realtime.ratelimit import SlidingWindow, Strikes
from realtime.sockets.frame_writer import Transport
from realtime.sockets.interest import Filter
from realtime.sockets.outbox import Outbox

ABNORMAL = 1006
"""RFC 6455 §7.1.5: the connection ended without a close frame."""


Caller = Identity | ServiceKey
"""Who opens a socket: a user, or the backend of an app, which only watches and is nobody."""


class ConnectRequest(msgspec.Struct, frozen=True, gc=False):
    """A connection that asks for a session. `epoch` and `since` are what a returning client already knows."""

    identity: Caller
    channel: Channel
    address: str
    device: str
    epoch: str | None = None
    since: int | None = None
    counts_by_address: bool = True


class Session:
    """One socket. `Admission` creates it, and opens and ends it."""

    __slots__ = (
        "__weakref__",
        "_counters",
        "_error_interval_seconds",
        "_errors",
        "_strikes",
        "address",
        "awaits_pong",
        "channel",
        "close_code",
        "device",
        "expires_at",
        "heard_at",
        "identity",
        "is_open",
        "named",
        "on_blocked",
        "on_closed",
        "on_drained",
        "opened_at",
        "outbox",
        "session_id",
        "slot",
        "subscriptions",
        "transport",
        "user_id",
    )  # fmt: skip

    def __init__(
        self,
        session_id: str,
        request: ConnectRequest,
        transport: Transport,
        outbox: Outbox,
        error_interval_seconds: float,
        counters: Counters,
        now: float,
    ) -> None:
        self.session_id = session_id
        self.identity: Caller = request.identity
        """Another one of the same user after each new token."""
        self.user_id = None if isinstance(request.identity, ServiceKey) else request.identity.user_id
        """The user it belongs to, or None if a backend watches."""
        self.channel: Channel = request.channel
        self.address = request.address
        self.device = request.device
        self.transport = transport
        self.outbox = outbox
        self.opened_at = now
        self.heard_at = now
        """Steady time of the last sign of life: a pong, or a command that was carried out."""
        self.awaits_pong = False
        """Whether the peer was pinged and has not answered yet."""
        self.expires_at = now
        """Steady time at which the token expires. A service key never does."""
        self.subscriptions: dict[Subscription, Filter] = {}
        """Each subscription, with what it is narrowed to."""
        self.named: dict[Subscription, frozenset[str]] = {}
        """The external ids that the subscriptions are narrowed to."""
        self.is_open = True
        self.slot = 0
        """Position among the recipients of the current flush."""
        self.on_closed: Callable[[Session, Reason, bool], None] | None = None
        """Called once at the end, with the reason and whether the end was clean."""
        self.on_blocked: Callable[[Session], None] = _nothing
        """Called when something has to wait until the peer reads."""
        self.on_drained: Callable[[Session], None] = _nothing
        """Called when the peer has taken it."""
        self.close_code: int | None = None
        """The code that the server closed it with."""
        self._error_interval_seconds = error_interval_seconds
        self._errors: SlidingWindow | None = None
        """The last error that was answered. Most sessions never make one."""
        self._strikes: Strikes | None = None
        self._counters = counters

    @property
    def waiting_since(self) -> float | None:
        """Steady time since when the peer has taken nothing; None while nothing waits for it."""
        return self.outbox.waiting_since

    @property
    def strikes(self) -> Strikes:
        """The commands that were refused."""
        if self._strikes is None:
            self._strikes = Strikes()
        return self._strikes

    def push(self, message: Message) -> None:
        """Send one message after what is waiting."""
        self._counters.messages_out[str(message.__struct_config__.tag)] += 1
        self.push_frame(encode(message))

    def push_frame(self, frame: bytes) -> None:
        """Send a frame that may be shared with other sessions."""
        if self.is_open:
            self.outbox.add(frame)
            self.end_if_stuck()

    def ping(self, frame: bytes) -> None:
        """Send a ping frame."""
        self.awaits_pong = True
        self.push_frame(frame)

    def refuse(self, code: ErrorCode, message: str, now: float) -> None:
        """Answer with an error. In a flood of errors most are not answered, but the command is refused all the same."""
        if self._errors is None:
            self._errors = SlidingWindow(1, self._error_interval_seconds)
        if self._errors.take(now):
            self.push(Error(message=message, code=code))

    def close(self, code: CloseCode, reason: str, *, why: Reason = "disconnected", clean: bool = False) -> None:
        """End the session. Nothing is sent after the close frame."""
        if self.is_open:
            self.is_open = False
            self.close_code = code
            self._counters.count_close(code)
            self.transport.close(code, reason)
            self._closed(why, clean)

    def close_unresponsive(self) -> None:
        """End a session whose peer did not answer a ping."""
        self.close(CloseCode.UNRESPONSIVE, "no pong", why="timed_out")

    def closed_by_peer(self, code: int | None) -> None:
        """The connection is gone. `code` is the client's close code, if it sent one."""
        if self.is_open:
            self.is_open = False
            self._counters.count_close(code or ABNORMAL)
            self._closed("disconnected", code == CloseCode.NORMAL)

    def end_if_stuck(self) -> None:
        """Close the session if its peer is gone or more waits for it than is allowed."""
        if self.outbox.lost:
            self.close(CloseCode.UNRESPONSIVE, "connection lost")
        elif self.outbox.overflowed:
            self.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    def blocked(self) -> None:
        """See Owner."""
        self.on_blocked(self)

    def drained(self) -> None:
        """See Owner."""
        self.on_drained(self)

    def _closed(self, reason: Reason, clean: bool) -> None:
        if self.on_closed is not None:
            self.on_closed(self, reason, clean)


def _nothing(_session: Session) -> None:
    """The fan-out has not added the session yet."""
