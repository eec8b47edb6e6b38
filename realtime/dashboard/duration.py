"""Duration: a length of time as text, the same in events, on pages and in scripts (static/admin/formatting.js)."""

from __future__ import annotations


def duration(milliseconds: float) -> str:
    """As on a clock: `00:22`, `12:04`, `1:30:10`. Nothing is shorter than `00:00`."""
    minutes, seconds = divmod(max(0, int(milliseconds // 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def duration_in_words(milliseconds: float) -> str:
    """The same for use in a sentence: below a minute it is `20 s`."""
    seconds = max(0, int(milliseconds // 1000))
    return f"{seconds} s" if seconds < 60 else duration(milliseconds)
