"""Outbox: keeps what waits for one session, and lets a session that fell behind catch up."""

from __future__ import annotations

from collections.abc import Callable

from models.status import Status
from realtime.presence.changelog import Change, ChangeLog
from realtime.protocol import ResumeComplete, Snapshot, Subscription, encode
from realtime.sockets.frame_writer import FrameWriter, Owner, Transport
from realtime.sockets.interest import NOBODY, Filter, Interest
from settings import Settings

PIECE_BYTES = 16 * 1024
"""Updates are handed over in pieces of this size. Each piece that a slow peer takes shows that it still reads."""

PAGE_BYTES = 3 * PIECE_BYTES
"""The largest message handed over at once. The smallest allowed `outbox_limit_bytes` is four pieces."""


Statuses = Callable[[frozenset[int] | None, frozenset[str] | None], list[Status]]
"""The statuses of the users with one of these ids who have one of these tags. None: any."""


class Outbox:
    """What one session still has to be sent.

    Status updates do not wait as bytes: the outbox only remembers the `seq` up to which the session has them, so that
    of each user only the latest state waits and a session that does not read costs one number. What does wait as bytes
    (replies, the rest of a frame) is bounded by `outbox_limit_bytes`; `overflowed` tells that the limit was reached.
    """

    __slots__ = (
        "__weakref__",
        "_is_resuming",
        "_log",
        "_page_of",
        "_page_seq",
        "_page_users",
        "_pages",
        "_queue_limit",
        "_snapshots",
        "_statuses",
        "_writer",
        "current",
        "interest",
        "overflowed",
        "sent_apart",
        "since",
        "stats",
        "told_ahead",
    )  # fmt: skip

    def __init__(
        self,
        transport: Transport,
        log: ChangeLog,
        statuses: Statuses,
        now: Callable[[], float],
        settings: Settings,
    ) -> None:
        self._writer = FrameWriter(transport, now)
        self._log = log
        self._statuses = statuses
        self._queue_limit = settings.outbox_limit_bytes - PAGE_BYTES
        self._page_users = settings.snapshot_page_users
        self._snapshots: tuple[tuple[Subscription, Filter], ...] = ()
        self._pages: list[list[Status]] | None = None
        """The pages of a snapshot that are left, the last one first."""
        self._page_of: Subscription = "feed"
        self._page_seq = 0
        self._is_resuming = False
        self.interest: Interest = NOBODY
        """The users whose updates the session receives. The fan-out changes it."""
        self.since = log.seq
        """The session has every update up to this `seq`. Meaningless while the fan-out keeps it `current`."""
        self.current = False
        """Whether the fan-out hands it updates as they are announced."""
        self.stats: bytes | None = None
        """The newest figures, if they are waiting."""
        self.sent_apart: tuple[int, int] = (0, 0)
        """(user id, seq) of a status that was sent by itself, and is not sent again as an update up to that `seq`."""
        self.told_ahead: Status | None = None
        """The user's own status, if it was sent before the log had it and nothing sent since has the one before."""
        self.overflowed = False

    @property
    def waiting_since(self) -> float | None:
        """Steady time since when the peer has taken nothing; None while nothing waits for it."""
        return self._writer.waiting_since

    @property
    def lost(self) -> bool:
        """Whether the peer is gone."""
        return self._writer.lost

    def mark_lost(self) -> None:
        """A write of the fan-out found the peer gone."""
        self._writer.lost = True

    def end(self) -> None:
        """The session has ended: nothing more is written, and nothing refers back to it."""
        self._writer.end()

    def attach(self, owner: Owner) -> None:
        """Tell someone when something has to wait, and each time the peer has taken it."""
        self._writer.owner = owner

    def add(self, frame: bytes) -> None:
        """Write a reply or a push now, or keep it in order."""
        if self._writer.is_idle() and not self._writer.queued_bytes:
            self._writer.write(frame)
        elif self._writer.queued_bytes + len(frame) > self._queue_limit:
            self.overflowed = True
        else:
            self._writer.enqueue(frame)

    def keep_rest(self, rest: bytes) -> None:
        """The kernel took only a part of a frame: the rest goes out before anything else."""
        self._writer.buffer(rest)

    def request_snapshot(self, subscription: Subscription, wanted: Filter) -> None:
        """Send a snapshot after what is waiting. It is taken when its turn comes, so later updates are newer."""
        self._snapshots += ((subscription, wanted),)

    def mark_resumed(self) -> None:
        """Say so once the updates that a returning client missed have been written."""
        self._is_resuming = True

    def offer_stats(self, frame: bytes) -> None:
        """Send the newest figures when there is room; older ones that still wait are replaced."""
        self.stats = frame
        self.pump(self.since)

    def pump(self, upto: int | None = None) -> bool:
        """Write what is waiting until the peer takes no more. Returns whether nothing is left.

        Updates are written up to the `seq` given, or all of them.
        """
        while self._writer.is_idle():
            piece = self._next(self._log.seq if upto is None else upto)
            if piece is None:
                return True
            self._writer.write(piece)
        return False

    def _next(self, upto: int) -> bytes | None:
        queued = self._writer.next_queued()
        if queued is not None:
            return queued
        if self._pages:
            return self._next_page(self._pages)
        if self._snapshots or self._is_resuming:
            upto = self._log.seq
        if not self.current and self.since < upto and (updates := self._missed_updates(upto)):
            return updates
        if self._is_resuming:
            self._is_resuming = False
            return encode(ResumeComplete(seq=self.since))
        if self._snapshots:
            self._pages = self._take_snapshot()
            return self._next_page(self._pages)
        figures, self.stats = self.stats, None
        return figures

    def _missed_updates(self, upto: int) -> bytes:
        """The next piece of the missed updates: each user once, in the latest state.

        Users who changed again after `upto` are left out: that change is about to be flushed to everybody.
        """
        frames: list[bytes] = []
        size = 0
        log, interest = self._log, self.interest
        for change in log.since_with_moves(self.since) if interest.by_tags else log.since(self.since):
            if change.seq > upto:
                break
            frame = interest.frame(change)
            if frame is not None and not self._is_known(change):
                size += len(frame)
                if frames and size > PIECE_BYTES:
                    return b"".join(frames)
                frames.append(frame)
            self.since = change.seq
        self.since = upto
        return b"".join(frames)

    def _is_known(self, change: Change) -> bool:
        user_id, seq = self.sent_apart
        return change.user_id == user_id and change.seq <= seq

    def _take_snapshot(self) -> list[list[Status]]:
        """The pages of the next snapshot, the last one first.

        Statuses are frozen, so the list stays the state as of `seq` however late its pages are written.
        """
        (subscription, wanted), *later = self._snapshots
        self._snapshots = tuple(later)
        self.told_ahead = None
        users = self._statuses(wanted.user_ids, wanted.tags)
        self._page_of, self._page_seq = subscription, self._log.seq
        size = self._page_users
        return [users[start : start + size] for start in range(0, len(users), size)][::-1] or [[]]

    def _next_page(self, pages: list[list[Status]]) -> bytes:
        """The next page, split if long names make it too large."""
        users = pages.pop()
        more = bool(pages)
        page = encode(Snapshot(subscription=self._page_of, seq=self._page_seq, users=users, more=more))
        if len(page) > PAGE_BYTES and len(users) > 1:
            half = len(users) // 2
            pages += (users[half:], users[:half])
            return self._next_page(pages)
        return page
