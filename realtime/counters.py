"""Counters: what the core counts, as plain numbers. `handlers/api/metrics.py` exports them to Prometheus."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from realtime.protocol import CloseCode

KNOWN_CODES = frozenset({*range(1000, 1016), *CloseCode})
"""Close codes that are counted separately: those of RFC 6455 and our own."""


class Counters:
    """Totals since the start."""

    def __init__(self) -> None:
        self.messages_in: Counter[str] = Counter()
        """Valid commands by type; refused ones as `invalid` and `rate_limited`."""
        self.messages_out: Counter[str] = Counter()
        """Messages handed to sockets, by type."""
        self.closes: Counter[int | Literal["other"]] = Counter()
        """Closed sockets by close code. All codes that a client invented are counted as one."""
        self.announced: Counter[str] = Counter()
        """Announced changes by reason."""
        self.conflated = 0
        """How often a session fell behind, so that it gets only the latest states until it has caught up."""
        self.dropped = 0
        """Announcements left out because a user caused too many."""
        self.false_offlines = 0
        """Offlines that were taken back soon after: they were announced wrongly."""
        self.log_appends = 0
        """Entries that this server appended to the log that several servers share."""
        self.log_conflicts = 0
        """How often another server had written a record first, so that this one had to decide again."""
        self.refused: Counter[str] = Counter()
        """Refused upgrades by reason."""
        self.refused_requests: Counter[str] = Counter()
        """Requests refused by a limit, by reason."""

    def count_close(self, code: int) -> None:
        """Count a closed socket. The code may be of the client's choice."""
        self.closes[code if code in KNOWN_CODES else "other"] += 1
