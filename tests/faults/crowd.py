"""Crowd: how many sockets the tests of faults open, and how long they may take."""

from __future__ import annotations

import os

SIZE = int(os.environ.get("CHAOS_SOCKETS", "1000"))
"""The number of sockets in a crowd; set it higher for longer runs."""

PACE = max(1.0, SIZE / 1000)
"""The factor for time limits that depend on the size of the crowd."""
