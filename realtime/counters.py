"""Counters: what the core counts, as plain numbers; `handlers/api/metrics.py` gives them their Prometheus names."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Totals since the start."""

    def __init__(self) -> None:
        self.messages_in: Counter[str] = Counter()
        """Valid commands by type, and refused ones as `invalid` and `rate_limited`."""
        self.messages_out: Counter[str] = Counter()
        """Messages handed to sockets, by type."""
        self.closes: Counter[int] = Counter()
        """Ended sockets by close code."""
        self.announced: Counter[str] = Counter()
        """Announced changes by reason."""
        self.conflated = 0
        """Times a session fell behind and from then on waits for latest states only."""
        self.dropped = 0
        """Announcements that flap damping left out."""
        self.false_offlines = 0
        """Offlines taken back soon after: somebody was told wrongly."""
        self.refused: Counter[str] = Counter()
        """Upgrades turned away, by reason."""
