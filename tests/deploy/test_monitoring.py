"""Grafana's dashboard and Prometheus' alerts name only what /metrics has, and cover what the documents list."""

from __future__ import annotations

import re

import pytest

from settings import Settings
from tests.deploy.exported import exported, problems_of, series_in
from tests.deploy.files import alert_rules, dashboard, read_yaml
from tests.layout.test_documents import quoted, rows
from tests.program import ROOT

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
PANELS = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Return what a server exports."""
    return exported()


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_an_alert_names_only_metrics_and_labels_that_are_exported(rule: dict, known: dict[str, set[str]]) -> None:
    assert problems_of(rule["expr"], known) == []
    assert rule["labels"]["severity"] in ("critical", "warning")
    for label in re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())):
        assert label in rule["expr"] or label == "instance", label


def test_every_documented_alert_is_a_rule_and_names_the_metrics_of_its_row() -> None:
    documented = {quoted(row[0])[0]: row[1] for row in rows("## Health and metrics", OPERATING) if "Rollcall" in row[0]}
    rules = {rule["alert"]: rule for rule in alert_rules()}
    assert documented.keys() == rules.keys()
    for name, condition in documented.items():
        named = set(re.findall(r"\brollcall_[a-z_]+", condition))
        used = {series.removesuffix("_bucket") for series, _ in series_in(rules[name]["expr"])}
        assert named <= used, name
        waits = re.search(r"for (?:(\d+) s|a minute)", condition)
        if waits:
            assert rules[name]["for"] == (f"{waits[1]}s" if waits[1] else "1m"), name


def test_the_alert_on_sockets_has_the_limits_of_the_settings() -> None:
    (rule,) = (each for each in alert_rules() if each["alert"] == "RollcallSocketsNearLimit")
    assert f", {Settings().sockets_limit})" in rule["expr"]


def test_prometheus_loads_the_alerts_and_asks_often_enough_for_the_fastest() -> None:
    config = read_yaml("prometheus/prometheus.yaml")
    assert config["rule_files"] == ["alerts.yaml"]
    fastest = min(int(rule["for"][:-1]) for rule in alert_rules() if rule.get("for", "").endswith("s"))
    for interval in ("scrape_interval", "evaluation_interval"):
        assert int(config["global"][interval].removesuffix("s")) * 2 <= fastest


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_names_only_metrics_and_labels_that_are_exported(panel: dict, known: dict[str, set[str]]) -> None:
    assert panel["targets"]
    assert panel["description"].endswith(".")
    for target in panel["targets"]:
        assert problems_of(target["expr"], known) == []
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert shown <= set(re.findall(r"\w+", target["expr"])), "the legend has a label that the query does not keep"


def test_the_dashboard_shows_every_metric_of_the_server(known: dict[str, set[str]]) -> None:
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]]
    shown = {re.sub("_(bucket|count|sum)$", "", name) for query in queries for name, _ in series_in(query)}
    own = {name for name in known if name.startswith("rollcall_") and not name.endswith("_created")}
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in own} <= shown


def test_the_dashboards_variables_come_from_exported_metrics(known: dict[str, set[str]]) -> None:
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}
    assert variables.keys() == {"datasource", "job", "instance"}
    for name in ("job", "instance"):
        query = variables[name]["query"]["query"]
        asked, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        assert label == name
        assert problems_of(asked, known) == []


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("sum by (job) (rate(rollcall_sockets[5m]))", []),
        ("rollcall_nothing > 1", ["rollcall_nothing is not exported"]),
        ("sum by (code) (rollcall_sockets)", ["no label code"]),
        (
            'rollcall_sockets{code="4000", channel="feed", job=~"$job"} offset 5m',
            ["rollcall_sockets has no label code"],
        ),
    ],
)
def test_a_query_that_names_what_is_not_there_is_found(
    query: str, problems: list[str], known: dict[str, set[str]]
) -> None:
    assert problems_of(query, known) == problems
