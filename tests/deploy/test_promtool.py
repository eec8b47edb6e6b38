"""Prometheus' own tool accepts the alerts and the dashboard's queries, and the alerts fire when they should.

Only `make test-packages` runs these tests; it installs promtool.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.debian import run
from tests.deploy.files import DEPLOY, alert_rules, dashboard

pytestmark = [pytest.mark.packages, pytest.mark.slow]

PROMETHEUS = DEPLOY / "prometheus"

UP = ('up{job="rollcall", instance="ill"}', "1x300")

FIRING: dict[str, list[tuple[str, str]]] = {
    "RollcallDown": [('up{job="rollcall", instance="ill"}', "0x300")],
    "RollcallStoreDown": [('rollcall_breaker_open{job="rollcall", instance="ill"}', "1x300")],
    "RollcallLoopLag": [
        ('rollcall_loop_lag_seconds_bucket{job="rollcall", instance="ill", le="0.05"}', "0+90x300"),
        ('rollcall_loop_lag_seconds_bucket{job="rollcall", instance="ill", le="0.1"}', "0+100x300"),
        ('rollcall_loop_lag_seconds_bucket{job="rollcall", instance="ill", le="+Inf"}', "0+100x300"),
    ],
    "RollcallFalseOfflines": [
        ('rollcall_false_offlines_total{job="rollcall", instance="ill"}', "0+2x300"),
        ('rollcall_announced_total{job="rollcall", instance="ill", reason="set"}', "0+60x300"),
        ('rollcall_announced_total{job="rollcall", instance="ill", reason="connected"}', "0+60x300"),
    ],
    "RollcallClientsLost": [
        ('rollcall_closes_total{job="rollcall", instance="ill", code="4000"}', "0+1x150 150+20x150"),
    ],
    "RollcallUpgradesRefused": [
        ('rollcall_upgrades_refused_total{job="rollcall", instance="ill", reason="token"}', "0+1x220 220+50x80"),
    ],
    "RollcallRequestsRefused": [
        ('rollcall_requests_refused_total{job="rollcall", instance="ill", reason="requests"}', "0+1x220 220+50x80"),
    ],
    "RollcallUnsavedUsers": [('rollcall_unsaved_users{job="rollcall", instance="ill"}', "1+5x300")],
    "RollcallSocketsNearLimit": [
        ('rollcall_sockets{job="rollcall", instance="ill", channel="feed"}', "3500x300"),
        ('rollcall_sockets{job="rollcall", instance="ill", channel="presence"}', "3500x300"),
        ('process_max_fds{job="rollcall", instance="ill"}', "10000x300"),
    ],
    "RollcallServersMissing": [
        UP,
        ('up{job="rollcall", instance="other"}', "1x300"),
        ('rollcall_nodes_alive{job="rollcall", instance="ill"}', "1x300"),
        ('rollcall_nodes_alive{job="rollcall", instance="other"}', "2x300"),
    ],
    "RollcallRedisLost": [('rollcall_log_connected{job="rollcall", instance="ill"}', "0x300")],
    "RollcallLogLag": [('rollcall_log_lag_seconds{job="rollcall", instance="ill"}', "1.5x300")],
    "RollcallLogRenewed": [
        ('rollcall_log_generation{job="rollcall", instance="ill"}', "3x235 4x65"),
        ('rollcall_log_generation{job="rollcall", instance="other"}', "3x300"),
    ],
    "RollcallWebhooksLate": [('rollcall_webhook_backlog_seconds{job="rollcall", instance="ill"}', "0+10x300")],
    "RollcallWebhooksSetAside": [('rollcall_webhook_set_aside_total{job="rollcall", instance="ill"}', "0x235 1x65")],
}
"""Series on which an alert fires after two hours, with a value every 30 s."""

OF_ALL_SERVERS = {
    "RollcallWebhooksLate",
    "RollcallWebhooksSetAside",
    "RollcallClientsLost",
    "RollcallUpgradesRefused",
    "RollcallRequestsRefused",
    "RollcallLogRenewed",
}
"""Alerts that don't name one server."""

QUIET: dict[str, list[tuple[str, str]]] = {
    "RollcallDown": [UP, ('up{job="something", instance="ill"}', "0x300")],
    "RollcallStoreDown": [('rollcall_breaker_open{job="rollcall", instance="ill"}', "0x239 1x60")],
    "RollcallLoopLag": [
        ('rollcall_loop_lag_seconds_bucket{job="rollcall", instance="ill", le="0.05"}', "0+100x300"),
        ('rollcall_loop_lag_seconds_bucket{job="rollcall", instance="ill", le="+Inf"}', "0+100x300"),
    ],
    "RollcallFalseOfflines": [
        ('rollcall_false_offlines_total{job="rollcall", instance="ill"}', "0+1x300"),
        ('rollcall_announced_total{job="rollcall", instance="ill", reason="set"}', "0+120x300"),
    ],
    "RollcallClientsLost": [
        ('rollcall_closes_total{job="rollcall", instance="ill", code="4000"}', "0+5x300"),
        ('rollcall_closes_total{job="rollcall", instance="ill", code="1000"}', "0+1x150 150+90x150"),
    ],
    "RollcallUpgradesRefused": [
        ('rollcall_upgrades_refused_total{job="rollcall", instance="ill", reason="token"}', "0+50x300"),
    ],
    "RollcallRequestsRefused": [
        ('rollcall_requests_refused_total{job="rollcall", instance="ill", reason="requests"}', "0x239 20x60"),
    ],
    "RollcallUnsavedUsers": [
        ('rollcall_unsaved_users{job="rollcall", instance="ill"}', "0 50 20 0 80 0 40 20 0 0x290")
    ],
    "RollcallSocketsNearLimit": [
        ('rollcall_sockets{job="rollcall", instance="ill", channel="feed"}', "7900x300"),
        ('process_max_fds{job="rollcall", instance="ill"}', "131072x300"),
    ],
    "RollcallServersMissing": [
        UP,
        ('up{job="rollcall", instance="other"}', "0x300"),
        ('up{job="something", instance="other"}', "1x300"),
        ('rollcall_nodes_alive{job="rollcall", instance="ill"}', "2x300"),
    ],
    "RollcallRedisLost": [('rollcall_log_connected{job="rollcall", instance="ill"}', "1x300")],
    "RollcallLogLag": [('rollcall_log_lag_seconds{job="rollcall", instance="ill"}', "0.5x239 2x60")],
    "RollcallLogRenewed": [
        ('rollcall_log_generation{job="rollcall", instance="ill"}', "4x230 0x5 4x65"),
        ('rollcall_log_generation{job="rollcall", instance="other"}', "4x300"),
    ],
    "RollcallWebhooksLate": [('rollcall_webhook_backlog_seconds{job="rollcall", instance="ill"}', "200x300")],
    "RollcallWebhooksSetAside": [('rollcall_webhook_set_aside_total{job="rollcall", instance="ill"}', "0x100 1x200")],
}
"""Series on which it does not."""


def check(folder: Path, alert: str, series: list[tuple[str, str]], instances: list[str | None]) -> None:
    """Let promtool say whether an alert fires, and for which instances."""
    query = f'count by (instance) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
    expected = [{"labels": f'{{instance="{each}"}}' if each else "{}", "value": 1} for each in instances]
    test = {
        "rule_files": [str(PROMETHEUS / "alerts.yaml")],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": name, "values": values} for name, values in series],
                "promql_expr_test": [{"expr": query, "eval_time": "2h", "exp_samples": expected}],
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps(test))
    run("promtool", "test", "rules", str(folder / "test.yaml"))


def test_promtool_accepts_the_configuration_and_the_alerts() -> None:
    assert f"{len(alert_rules())} rules found" in run(
        "promtool", "check", "config", str(PROMETHEUS / "prometheus.yaml")
    )


def test_every_alert_is_tried() -> None:
    names = [rule["alert"] for rule in alert_rules()]
    assert list(FIRING) == list(QUIET) == names


@pytest.mark.parametrize("alert", FIRING)
def test_an_alert_fires(alert: str, tmp_path: Path) -> None:
    check(tmp_path, alert, FIRING[alert], [None] if alert in OF_ALL_SERVERS else ["ill"])


@pytest.mark.parametrize("alert", QUIET)
def test_an_alert_does_not_fire_without_cause(alert: str, tmp_path: Path) -> None:
    check(tmp_path, alert, QUIET[alert], [])


def test_promtool_accepts_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    rules: list[dict[str, Any]] = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in run("promtool", "check", "rules", str(tmp_path / "rules.yaml"))
