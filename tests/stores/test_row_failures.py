"""Failures of rows are logged, but not every one of them."""

from __future__ import annotations

import structlog

from models.row_failures import RowFailures


def test_failures_of_one_kind_are_logged_once_a_minute_with_their_number() -> None:
    now = 100.0
    failures = RowFailures(lambda: now)
    with structlog.testing.capture_logs() as logs:
        for row in range(5):
            failures.note("row of a user", row, ValueError("no"))
        failures.note("call", "c1", ValueError("no"))
        now += 59
        failures.note("row of a user", 6, ValueError("no"))
        now += 1
        failures.note("row of a user", 7, ValueError("no"))
    assert [(each["kind"], each["row"], each["failures"]) for each in logs] == [
        ("row of a user", "0", 1), ("call", "c1", 1), ("row of a user", "7", 6)
    ]  # fmt: skip
    assert all(each["log_level"] == "error" and isinstance(each["exc_info"], ValueError) for each in logs)
