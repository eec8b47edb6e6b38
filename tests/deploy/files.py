"""The files in deploy/, read as values."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.program import ROOT

DEPLOY = ROOT / "deploy"

ENV_FILE = {
    "DOMAIN": "calls.example.org",
    "JWT_SECRET": "a" * 64,
    "MONGODB_PASSWORD": "b" * 64,
    "REDIS_PASSWORD": "c" * 64,
}
"""What the file .env of the compose file has."""


def read_yaml(name: str) -> Any:
    """Return the one document of a file."""
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def compose_file() -> dict[str, Any]:
    """Return the compose file with the values of its file .env."""
    found: dict[str, Any] = _filled_in(read_yaml("compose.yaml"))
    return found


def alert_rules() -> list[dict[str, Any]]:
    """Return all rules of the alerts."""
    return [rule for group in read_yaml("prometheus/alerts.yaml")["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return Grafana's dashboard."""
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "rollcall.json").read_text(encoding="utf-8"))
    return found


def kubernetes() -> dict[str, dict[str, Any]]:
    """Return the objects of the Kubernetes example by their kind. There is one of each."""
    text = (DEPLOY / "kubernetes" / "rollcall.yaml").read_text(encoding="utf-8")
    objects = list(yaml.safe_load_all(text))
    found = {each["kind"]: each for each in objects}
    assert len(found) == len(objects)
    return found


def _filled_in(value: Any) -> Any:
    """Return a value with `${NAME:?}` and `${NAME:-default}` replaced, as compose does it."""
    if isinstance(value, dict):
        return {key: _filled_in(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::\?|:-(\w*))\}", lambda found: ENV_FILE.get(found[1]) or found[2], value)
    return value
