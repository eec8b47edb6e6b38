"""Durations: test cases that the server's functions and the page's scripts (tests/admin_client) share."""

from __future__ import annotations

import json
from pathlib import Path

DURATIONS: list[tuple[int, str, str, str, str]] = [
    (case["milliseconds"], case["duration"], case["in_words"], case["with_units"], case["ago"])
    for case in json.loads((Path(__file__).parent / "admin_client" / "durations.json").read_text(encoding="utf-8"))
]
"""(milliseconds, as a clock, in a sentence, with its units, as a time that has passed)"""
