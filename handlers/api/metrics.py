"""Metrics: the counters of the core, in Prometheus' format."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from handlers.api.runtime_stats import RuntimeStats
from models.database import Database
from realtime.cluster.node import Node
from realtime.core import Core
from realtime.counters import Counters
from realtime.webhooks.figures import WebhookFigures


class Metrics(Collector):
    """Reads the core only when Prometheus asks, so that counting costs the core a single addition."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runtime_stats = RuntimeStats(time.monotonic)
        self._core: Core | None = None
        self._database: Database | None = None
        self._store = Histogram(
            "rollcall_store_seconds",
            "Calls to the store by operation, and whether the store answered in time",
            ["operation", "ok"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5),
            registry=self.registry,
        )
        self._lag = Histogram(
            "rollcall_loop_lag_seconds",
            "Delay of callbacks on the event loop",
            buckets=(0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0),
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def observe_store(self, operation: str, seconds: float, ok: bool) -> None:
        """Record one call to the store."""
        self._store.labels(operation, str(ok).lower()).observe(seconds)
        self.runtime_stats.note_store(operation, seconds, ok)

    def observe_lag(self, seconds: float) -> None:
        """Record how late the loop was."""
        self._lag.observe(seconds)
        self.runtime_stats.note_lag(seconds)

    def read_from(self, core: Core, database: Database) -> None:
        """Set where the numbers come from. Called once, when all parts are built."""
        self._core, self._database = core, database
        self.runtime_stats.read_from(core.counters.messages_in, core.counters.messages_out)
        self.registry.register(self)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus_client."""
        if self._core is None or self._database is None:
            return
        core, counters = self._core, self._core.counters
        yield _by_label("rollcall_sockets", "Open sockets", "channel", core.hub.count_by_channel(), gauge=True)
        yield GaugeMetricFamily(
            "rollcall_sockets_behind", "Sockets that have fallen behind", len(core.fan_out.behind())
        )
        yield _by_label("rollcall_messages_in", "Commands received", "type", counters.messages_in)
        yield _by_label("rollcall_messages_out", "Messages passed to sockets", "type", counters.messages_out)
        yield _by_label("rollcall_announced", "Announced changes", "reason", counters.announced)
        yield _by_label("rollcall_closes", "Closed sockets", "code", counters.closes)
        yield _by_label("rollcall_upgrades_refused", "Refused socket upgrades", "reason", counters.refused)
        yield _by_label("rollcall_requests_refused", "Requests refused by a limit", "reason", counters.refused_requests)
        yield CounterMetricFamily("rollcall_conflated", "Times a slow socket fell behind", counters.conflated)
        yield CounterMetricFamily("rollcall_dropped", "Announcements suppressed by flap damping", counters.dropped)
        yield CounterMetricFamily(
            "rollcall_false_offlines", "Users announced as offline who soon came back", counters.false_offlines
        )
        yield GaugeMetricFamily("rollcall_users", "Users", len(core.registry))
        yield GaugeMetricFamily("rollcall_users_online", "Users online", core.registry.online)
        yield GaugeMetricFamily("rollcall_users_available", "Users available", core.registry.available)
        yield GaugeMetricFamily("rollcall_calls_ongoing", "Ongoing calls", len(core.switchboard.ongoing))
        yield GaugeMetricFamily(
            "rollcall_unsaved_users", "Users whose evidence has not been saved yet", len(core.write_back)
        )
        yield GaugeMetricFamily("rollcall_timers", "Pending deadlines", len(core.timers))
        yield GaugeMetricFamily("rollcall_breaker_open", "1 while the store is down", self._database.breaker.is_open)
        if core.node is not None:
            yield from cluster_metrics(core.node, counters)
        if core.webhooks is not None:
            yield from webhook_metrics(core.webhooks.figures, core.environment.clock.utc())


def cluster_metrics(node: Node, counters: Counters) -> Iterable[Metric]:
    """What only a server has that shares a log with others."""
    yield GaugeMetricFamily("rollcall_nodes_alive", "Servers in the cluster, as far as this one knows", node.alive)
    yield GaugeMetricFamily("rollcall_log_connected", "1 while the shared log can be reached", node.is_connected)
    yield GaugeMetricFamily("rollcall_log_generation", "Generation of the shared log", node.position.generation)
    yield GaugeMetricFamily("rollcall_log_lag_entries", "Entries of the shared log not applied yet", node.lag.entries)
    yield GaugeMetricFamily("rollcall_log_lag_seconds", "Delay of the shared log's last entry", node.lag.seconds)
    yield CounterMetricFamily("rollcall_log_appends", "Entries appended to the shared log", counters.log_appends)
    yield CounterMetricFamily(
        "rollcall_log_conflicts", "Changes decided again because another server was faster", counters.log_conflicts
    )


def webhook_metrics(figures: WebhookFigures, now: datetime) -> Iterable[Metric]:
    """What only a server has that sends webhooks, or stands by to send them."""
    yield GaugeMetricFamily(
        "rollcall_webhook_sender", "1 if this is the server that sends webhooks", figures.is_sending
    )
    yield GaugeMetricFamily("rollcall_webhook_backlog_events", "Events that wait for the receiver", figures.backlog)
    yield GaugeMetricFamily(
        "rollcall_webhook_backlog_seconds", "Age of the oldest webhook that waits", figures.oldest_seconds(now)
    )
    yield _by_label("rollcall_webhook_attempts", "Attempts to send a webhook", "result", figures.attempts)
    yield CounterMetricFamily("rollcall_webhook_events_sent", "Events that the receiver has", figures.events_sent)
    yield CounterMetricFamily("rollcall_webhook_set_aside", "Webhooks that were set aside", figures.set_aside)
    yield CounterMetricFamily(
        "rollcall_webhook_comparisons", "Comparisons with what the receiver was told", figures.comparisons
    )


def _by_label(name: str, help: str, label: str, counts: Counter[Any], *, gauge: bool = False) -> Metric:
    family = (GaugeMetricFamily if gauge else CounterMetricFamily)(name, help, labels=[label])
    for key, count in list(counts.items()):
        family.add_metric([str(key)], count)
    return family
