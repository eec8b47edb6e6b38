"""When a webhook is sent again, for how long, and the figures about those that wait."""

from __future__ import annotations

from datetime import timedelta

from models.webhook_batches import BatchSize
from realtime.webhooks.figures import WebhookFigures
from realtime.webhooks.retries import Retries
from settings import Settings
from tests.realtime.world import NOON

SETTINGS = Settings(
    webhook_retry_first_seconds=1.0, webhook_retry_longest_seconds=60.0, webhook_retry_span_seconds=3600.0
)


def test_the_limit_of_a_delay_doubles_up_to_the_longest() -> None:
    retries = Retries(SETTINGS, lambda: 1.0)
    assert [retries.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    retries.succeeded()
    assert retries.failed() == 1


def test_a_delay_is_anything_up_to_its_limit() -> None:
    fractions = iter([0.0, 0.25, 0.5])
    retries = Retries(SETTINGS, lambda: next(fractions))
    assert [retries.failed() for _ in range(3)] == [0, 0.5, 2]


def test_delays_stay_finite_after_months() -> None:
    retries = Retries(SETTINGS, lambda: 1.0)
    retries.failures = 100_000
    assert retries.failed() == 60


def test_a_batch_is_retried_for_the_span_since_it_was_stored_and_the_receiver_failed() -> None:
    retries, hour = Retries(SETTINGS, lambda: 1.0), timedelta(hours=1)
    assert not retries.is_over(NOON, None, NOON + 2 * hour)
    assert not retries.is_over(NOON, NOON + 2 * hour, NOON + 2.5 * hour)
    assert retries.is_over(NOON, NOON + 2 * hour, NOON + 3 * hour)
    assert not retries.is_over(NOON + 2.5 * hour, NOON + 2 * hour, NOON + 3 * hour)


def test_the_backlog_counts_events_and_knows_the_oldest() -> None:
    figures = WebhookFigures()
    assert (figures.oldest_at, figures.oldest_seconds(NOON), figures.newest_id) == (None, 0.0, "")
    figures.begin([BatchSize("1-1", 3, NOON)])
    figures.stored(BatchSize("1-2", 100, NOON + timedelta(seconds=5)))
    assert (figures.backlog, figures.oldest_seconds(NOON + timedelta(seconds=9)), figures.newest_id) == (103, 9, "1-2")
    assert figures.oldest_seconds(NOON - timedelta(seconds=9)) == 0
    figures.done("1-1")
    assert (figures.backlog, figures.oldest_at) == (100, NOON + timedelta(seconds=5))
    figures.end()
    assert (figures.backlog, figures.oldest_at, figures.is_sending) == (0, None, False)
