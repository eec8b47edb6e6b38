"""Recorded spans in the store: which one has a moment, and which ones lie around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.recorded_spans import Span, SpanEnd
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def span(name: str, began: float, until: float, ended: SpanEnd = "") -> Span:
    return Span(name, f"server-{name}", name, at(began), at(until), ended)


async def test_a_span_is_extended_until_it_ends(stores: Stores) -> None:
    spans = stores.recorded_spans
    for _ in range(2):
        await spans.begin(span("a", 0, 0))
    assert await spans.current("server-a") == span("a", 0, 0)
    await spans.extend("a", at(5))
    assert await spans.around(at(5)) == span("a", 0, 5)
    await spans.extend("a", at(6), "stopped")
    assert await spans.around(at(6)) == span("a", 0, 6, "stopped")
    assert await spans.current("server-a") is None
    await spans.end("a", "lost")
    assert await spans.around(at(6)) == span("a", 0, 6, "lost")


async def test_what_lies_around_a_moment_is_found(stores: Stores) -> None:
    first, longer, last = span("a", 0, 10, "stopped"), span("b", 2, 12), span("c", 20, 30)
    for each in (first, longer, last):
        await stores.recorded_spans.begin(each)
    spans = stores.recorded_spans
    assert await spans.around(at(-1)) is None
    assert await spans.around(at(11)) == longer
    assert await spans.around(at(15)) is None
    assert await spans.last_before(at(15)) == longer
    assert await spans.last_before(at(0)) is None
    assert await spans.first_after(at(15)) == last
    assert await spans.first_after(at(20)) is None


async def test_servers_that_did_not_stop_are_named(stores: Stores) -> None:
    killed, lost = span("killed", 0, 10), span("lost", 0, 11, "lost")
    for each in (killed, lost, span("stopped", 0, 10, "stopped"), span("lives", 0, 20)):
        await stores.recorded_spans.begin(each)
    assert await stores.recorded_spans.cut_between(at(5), at(15)) == [killed, lost]
    assert await stores.recorded_spans.cut_between(at(10.5), at(15)) == [lost]
    assert await stores.recorded_spans.cut_between(at(5), at(10)) == []


async def test_old_spans_are_deleted(stores: Stores) -> None:
    for each in (span("a", 0, 10), span("b", 0, 20)):
        await stores.recorded_spans.begin(each)
    assert await stores.recorded_spans.forget(at(20)) == 1
    assert await stores.recorded_spans.around(at(5)) == span("b", 0, 20)
