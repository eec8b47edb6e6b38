"""Recorded spans in the store: those that have a moment between two others, and their neighbours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.recorded_spans import Span
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def span(start: int, end: int) -> Span:
    """A span in minutes after noon."""
    return Span(f"{start}", "a", "web-1", NOON + timedelta(minutes=start), NOON + timedelta(minutes=end), "stopped")


async def test_spans_between_two_moments_come_with_the_nearest_before_and_after(stores: Stores) -> None:
    for each in (span(0, 10), span(12, 20), span(25, 40), span(30, 70), span(80, 90), span(95, 99)):
        await stores.recorded_spans.begin(each)
    found = await stores.recorded_spans.overlapping(NOON + timedelta(minutes=22), NOON + timedelta(minutes=75), 10)
    assert [each.span_id for each in found] == ["30", "25", "12", "80"]
    found = await stores.recorded_spans.overlapping(NOON - timedelta(minutes=9), NOON + timedelta(hours=9), 2)
    assert [each.span_id for each in found] == ["95", "80"]
