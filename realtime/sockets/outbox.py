"""Outbox: what waits for one session, and how a session that fell behind catches up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from models.status import Status
from realtime.presence.changelog import Change, ChangeLog
from realtime.protocol import Snapshot, Subscription, encode
from realtime.sockets.transport import Transport

PIECE_BYTES = 16 * 1024
"""Handed to the transport at a time while a peer reads slowly: that it took one is the sign that it still reads."""

PAGE_BYTES = 3 * PIECE_BYTES
"""The most that is handed over in one go; the smallest limit of an outbox is four pieces."""


class Interest:
    """Which users' updates a session is given: everyone's, or those of some ids."""

    __slots__ = ("everyone", "user_ids")

    def __init__(self) -> None:
        self.everyone = False
        self.user_ids: frozenset[int] = frozenset()

    def includes(self, user_id: int) -> bool:
        """Whether this user's updates are wanted."""
        return self.everyone or user_id in self.user_ids


class Outbox:
    """Bytes that wait, and, in place of updates that wait, the `seq` up to which the session has them.

    So of each user only the latest state waits, and a session that does not read costs one number. What waits as
    bytes (replies, the rest of a frame) is bounded by `limit_bytes`; `overflowed` says when it was not enough.
    """

    def __init__(
        self,
        transport: Transport,
        log: ChangeLog,
        statuses: Callable[[], list[Status]],
        interest: Interest,
        now: Callable[[], float],
        *,
        limit_bytes: int,
        page_users: int,
    ) -> None:
        self._transport = transport
        self._log = log
        self._statuses = statuses
        self._interest = interest
        self._now = now
        self._limit_bytes = limit_bytes
        self._page_users = page_users
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._snapshots: deque[tuple[Subscription, frozenset[int] | None]] = deque()
        self._pages: deque[list[Status]] = deque()
        self._page_of: Subscription = "feed"
        self._page_seq = 0
        self.since = log.seq
        """The session has every update up to here. Means nothing while the fan-out keeps it `current`."""
        self.current = False
        """Whether the fan-out hands it updates as they come."""
        self.stats: bytes | None = None
        """The newest figures, if they wait."""
        self.sent_apart: tuple[int, int] = (0, 0)
        """(user id, seq) of a status that was sent by itself: not told again among the changes up to there."""
        self.waiting_since: float | None = None
        """Steady time since when the peer took nothing; None while nothing waits on it."""
        self.overflowed = False
        self.lost = False
        """The peer is gone: the transport said so."""
        self.on_drained: Callable[[], object] = self.pump

    def add(self, frame: bytes) -> None:
        """A reply or a push: written now, or kept in order."""
        if self._idle() and not self._pieces:
            self._hand(frame)
        else:
            self._keep(frame)

    def keep_rest(self, rest: bytes) -> None:
        """The kernel took a part of a frame: the rest goes before anything else.

        In one go, so that what the protocol layer writes by itself, a pong or a close, never stands inside a frame.
        """
        self._wait(rest)

    def request_snapshot(self, subscription: Subscription, user_ids: frozenset[int] | None) -> None:
        """Send a snapshot behind what waits: taken when its turn comes, so that the updates after it are newer."""
        self._snapshots.append((subscription, user_ids))

    def offer_stats(self, frame: bytes) -> None:
        """The newest figures: written when there is room, and only the newest."""
        self.stats = frame
        self.pump(self.since)

    def pump(self, upto: int | None = None) -> bool:
        """Write what waits, updates up to a `seq` or all, until the peer takes no more. Whether nothing is left."""
        while self._idle():
            piece = self._next(self._log.seq if upto is None else upto)
            if piece is None:
                return True
            self._hand(piece)
        return False

    def _idle(self) -> bool:
        if self.lost or self.waiting_since is not None:
            return False
        if self._transport.is_busy():  # a pong of the protocol layer's own is on its way
            self._wait(b"")
            return False
        return True

    def _hand(self, data: bytes) -> None:
        try:
            taken = self._transport.take(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.lost = True
            return
        if taken < len(data):
            self._wait(data[taken:])

    def _wait(self, data: bytes) -> None:
        self.waiting_since = self._now()
        self._transport.buffer(data, self._drained)

    def _drained(self) -> None:
        self.waiting_since = None
        self.on_drained()

    def _keep(self, piece: bytes) -> None:
        if self._bytes + len(piece) > self._limit_bytes - PAGE_BYTES:
            self.overflowed = True
            return
        self._pieces.append(piece)
        self._bytes += len(piece)

    def _next(self, upto: int) -> bytes | None:
        if self._pieces:
            piece = self._pieces.popleft()
            self._bytes -= len(piece)
            return piece
        if self._pages:
            return self._next_page()
        if self._snapshots:
            upto = self._log.seq
        if not self.current and self.since < upto and (updates := self._missed_updates(upto)):
            return updates
        if self._snapshots:
            self._take_snapshot()
            return self._next_page()
        figures, self.stats = self.stats, None
        return figures

    def _missed_updates(self, upto: int) -> bytes:
        """The next of the updates missed, a piece at a time, each user in the latest state.

        A user who changed again after `upto` is left out here: that change is about to be flushed to everybody.
        """
        frames: list[bytes] = []
        size = 0
        for change in self._log.since(self.since):
            if change.seq > upto:
                break
            if self._wants(change):
                size += len(change.frame)
                if frames and size > PIECE_BYTES:
                    return b"".join(frames)
                frames.append(change.frame)
            self.since = change.seq
        self.since = upto
        return b"".join(frames)

    def _wants(self, change: Change) -> bool:
        user_id, seq = self.sent_apart
        return self._interest.includes(change.user_id) and not (change.user_id == user_id and change.seq <= seq)

    def _take_snapshot(self) -> None:
        """Statuses are frozen, so this list of them is the state as of `seq`, whenever its pages are written."""
        subscription, user_ids = self._snapshots.popleft()
        users = self._statuses()
        if user_ids is not None:
            users = [status for status in users if status.user_id in user_ids]
        self._page_of, self._page_seq = subscription, self._log.seq
        self._pages.extend(users[start : start + self._page_users] for start in range(0, len(users), self._page_users))
        if not self._pages:
            self._pages.append([])

    def _next_page(self) -> bytes:
        """The next page. Long names make more pages."""
        users = self._pages.popleft()
        more = bool(self._pages)
        page = encode(Snapshot(subscription=self._page_of, seq=self._page_seq, users=users, more=more))
        if len(page) > PAGE_BYTES and len(users) > 1:
            half = len(users) // 2
            self._pages.extendleft((users[half:], users[:half]))
            return self._next_page()
        return page
