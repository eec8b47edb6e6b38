"""Session: one authenticated connection. Who it is, what it watches, what waits for it."""

from __future__ import annotations

from collections.abc import Callable

from models.tokens import Identity
from realtime.counters import Counters
from realtime.protocol import Channel, CloseCode, Error, ErrorCode, Message, Reason, Subscription, encode
from realtime.ratelimit import SlidingWindow, Strikes
from realtime.sockets.outbox import Interest, Outbox
from realtime.sockets.transport import Transport

ABNORMAL = 1006
"""What RFC 6455 §7.1.5 calls an end without a close frame."""


class Session:
    """State of one client's socket. Made by `admission`, which alone opens and ends it."""

    def __init__(
        self,
        session_id: str,
        identity: Identity,
        channel: Channel,
        address: str,
        device: str,
        transport: Transport,
        outbox: Outbox,
        interest: Interest,
        now: float,
        error_window: SlidingWindow,
        counters: Counters,
    ) -> None:
        self.session_id = session_id
        self.identity = identity
        self.channel: Channel = channel
        self.address = address
        self.device = device
        self.transport = transport
        self.outbox = outbox
        self.interest = interest
        self.opened_at = now
        self.heard_at = now
        """Steady time of the last sign of life: a pong, or a command that was carried out."""
        self.expires_at = now
        """Steady time at which the token ends."""
        self.strikes = Strikes()
        """Refused commands by kind."""
        self.subscriptions: dict[Subscription, frozenset[int] | None] = {}
        """What is subscribed to; with the ids of users where it is narrowed to them."""
        self.is_open = True
        self.slot = 0
        """Its place in the fan-out under way."""
        self.on_closed: Callable[[Session, Reason, bool], None] | None = None
        """Told once, at the end: why, and whether it was clean."""
        self.close_code: int | None = None
        """The code it was closed with from this side."""
        self._error_window = error_window
        self._counters = counters

    @property
    def user_id(self) -> int:
        """Whose socket it is."""
        return self.identity.user_id

    def push(self, message: Message) -> None:
        """Send one message, behind what waits."""
        self._counters.messages_out[str(message.__struct_config__.tag)] += 1
        self.push_frame(encode(message))

    def push_frame(self, frame: bytes) -> None:
        """Send a frame that is the same for several sessions."""
        if self.is_open:
            self.outbox.add(frame)
            self.end_if_stuck()

    def refuse(self, code: ErrorCode, message: str, now: float) -> None:
        """Answer with an error, but not to a flood: what isn't answered was refused all the same."""
        if self._error_window.take(now):
            self.push(Error(message=message, code=code))

    def close(self, code: CloseCode, reason: str, *, why: Reason = "disconnected", clean: bool = False) -> None:
        """End it from this side. Nothing is sent after the close frame."""
        if self.is_open:
            self.is_open = False
            self.close_code = code
            self._counters.closes[code] += 1
            self.transport.close(code, reason)
            self._closed(why, clean)

    def closed_by_peer(self, code: int | None) -> None:
        """The connection is gone; `code` is the client's close code, if it sent one."""
        if self.is_open:
            self.is_open = False
            self._counters.closes[code or ABNORMAL] += 1
            self._closed("disconnected", code == CloseCode.NORMAL)

    def end_if_stuck(self) -> None:
        """Give up on a peer who is gone, or for whom more waits than may."""
        if self.outbox.lost:
            self.close(CloseCode.UNRESPONSIVE, "connection lost")
        elif self.outbox.overflowed:
            self.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    def _closed(self, reason: Reason, clean: bool) -> None:
        if self.on_closed is not None:
            self.on_closed(self, reason, clean)
