"""Exported metrics: the series that /metrics of a server with Redis and webhooks has, with their labels."""

from __future__ import annotations

import re
from collections import defaultdict
from types import SimpleNamespace
from typing import cast

from handlers.api.metrics import Metrics, webhook_metrics
from models.database import Database
from realtime.webhooks.figures import WebhookFigures
from tests.realtime.cluster.world import ClusterWorld
from tests.realtime.world import NOON

OF_PROMETHEUS = {"up": set[str]()}
"""Series that Prometheus makes itself."""

ADDED_BY_PROMETHEUS = {"job", "instance"}

_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"}
_TAKES_LABELS = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"


def exported() -> dict[str, set[str]]:
    """Return the labels of each series by its name."""
    cluster = ClusterWorld(nodes=1, users=0)
    metrics = Metrics()
    metrics.observe_store("find", 0.1, ok=True)
    metrics.read_from(cluster.nodes[0].core, cast("Database", SimpleNamespace(breaker=SimpleNamespace(is_open=False))))
    found: dict[str, set[str]] = defaultdict(set)
    for family in [*metrics.registry.collect(), *webhook_metrics(WebhookFigures(), NOON)]:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] |= set(getattr(family, "_labelnames", ()))
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    cluster.close()
    return dict(found)


def series_in(query: str) -> list[tuple[str, set[str]]]:
    """Return the series that a query in PromQL names, each with the labels that it selects."""
    bare = re.sub(_TAKES_LABELS, " ", re.sub(r"\[[^\]]*\]|\boffset\s+\w+", " ", query))
    selecting = r"\b([a-zA-Z_]\w*)\s*\{([^}]*)\}"
    selected = [(name, set(re.findall(r"(\w+)\s*(?:=|!)", labels))) for name, labels in re.findall(selecting, bare)]
    names = re.findall(r"\b([a-zA-Z_]\w*)\b(?!\s*\()", re.sub(selecting, " ", bare))
    return selected + [(name, set()) for name in names if name not in _WORDS]


def labels_in(query: str) -> set[str]:
    """Return the labels by which a query groups and matches."""
    lists = re.findall(_TAKES_LABELS, query)
    return {label.strip() for each in lists for label in each.split(",") if label.strip()}


def problems_of(query: str, known: dict[str, set[str]]) -> list[str]:
    """Return what a query names that is not exported."""
    problems: list[str] = []
    labels = set(ADDED_BY_PROMETHEUS)
    for name, selected in series_in(query):
        has = known.get(name, OF_PROMETHEUS.get(name))
        if has is None:
            problems.append(f"{name} is not exported")
            continue
        labels |= has
        problems += [f"{name} has no label {each}" for each in sorted(selected - has - ADDED_BY_PROMETHEUS)]
    return problems + [f"no label {each}" for each in labels_in(query) - labels]
