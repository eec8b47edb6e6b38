"""Alert kinds: from which amount on a browser can tell of each kind of issue, and up to which."""

from __future__ import annotations

from handlers.admin.alert_kinds import AlertKind, alert_kinds
from settings import Settings


def limits(settings: Settings, kind: str) -> tuple[str, int, str]:
    """Return the smallest and the largest amount of a kind, and their unit."""
    (found,) = (each for each in alert_kinds(settings) if each.kind == kind)
    return found.shown, found.most, found.unit_label


def test_an_amount_is_between_the_servers_limit_and_the_largest_that_makes_sense() -> None:
    assert limits(Settings(long_call_seconds=7200), "long_call") == ("120", 99_999, "min")
    assert limits(Settings(long_call_seconds=90), "long_call") == ("90", 99_999, "s")


def test_a_limit_above_the_largest_amount_is_exact_and_possible() -> None:
    assert limits(Settings(long_call_seconds=1_234_567.5), "long_call") == ("1234567.5", 1_234_568, "s")
    assert AlertKind("flapping", "", 200_000, 1, "changes").shown == "200000"
