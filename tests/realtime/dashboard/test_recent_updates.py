"""Recent updates: kept without gaps for a page that will open its socket, and no longer than that."""

from __future__ import annotations

import pytest

from realtime.dashboard import recent_updates
from realtime.dashboard.recent_updates import KEPT_SECONDS, RecentUpdates


@pytest.fixture
def recent() -> RecentUpdates:
    """Updates since 3: 4, 5 and 6."""
    recent = RecentUpdates()
    recent.begin(3)
    for seq in (4, 5, 6):
        recent.add(seq, [b"%d" % seq, b"+"], float(seq))
    return recent


@pytest.mark.parametrize(("seq", "frames"), [(3, b"4+5+6+"), (5, b"6+"), (6, b"")])
def test_all_updates_after_one_are_known(recent: RecentUpdates, seq: int, frames: bytes) -> None:
    assert b"".join(recent.after(seq) or []) == frames


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_what_is_older_or_unheard_of_is_not(recent: RecentUpdates, seq: int) -> None:
    assert recent.after(seq) is None


def test_nothing_is_kept_before_it_begins_and_after_it_ends(recent: RecentUpdates) -> None:
    recent.end()
    recent.add(7, [b"7"], 7.0)
    assert recent.after(6) is None
    recent.begin(9)
    assert recent.after(9) == []


def test_a_second_beginning_changes_nothing(recent: RecentUpdates) -> None:
    recent.begin(6)
    assert recent.after(3) is not None


def test_old_updates_are_dropped(recent: RecentUpdates) -> None:
    recent.add(7, [b"7"], 5.5 + KEPT_SECONDS)
    assert (recent.after(4), recent.after(5)) == (None, [b"6", b"+", b"7"])


def test_so_are_those_that_are_too_large(recent: RecentUpdates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_updates, "KEPT_BYTES", 4)
    recent.add(7, [b"7"], 7.0)
    assert (recent.after(4), recent.after(5)) == (None, [b"6", b"+", b"7"])
    recent.add(8, [b"too large"], 7.0)
    assert (recent.after(7), recent.after(8)) == (None, [])
