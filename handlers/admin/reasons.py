"""Reasons: what operators give as the reason of an action, and what is wrong with it."""

from __future__ import annotations

from models.usernames import unwanted_character

REASON_LIMIT = 200
"""In characters."""

REASON_NEEDED = f"Give a reason of at most {REASON_LIMIT} characters."


def problem_of(reason: str, *, is_needed: bool = True) -> str:
    """What is wrong with a reason, or an empty text."""
    if len(reason) > REASON_LIMIT or (is_needed and not reason):
        return REASON_NEEDED
    unwanted = unwanted_character(reason)
    return f"Give a reason without {unwanted}." if unwanted else ""
