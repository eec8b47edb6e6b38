"""Report: outcomes as lines, as a table, as JSON, and as a page of the documentation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos.check import Check, StoreKind
from chaos.scenario import STRANGERS, STRANGERS_PERCENT, Outcome, Scenario

LOAD = "CPU of "
"""How the names of figures begin that say how much of a core a process used, in percent."""

STORE_NAMES: dict[StoreKind, str] = {"embedded": "embedded", "mongodb": "MongoDB"}

_PAGE = """# Reliability

This page shows what the server withstands. `make chaos` starts the real server, breaks something under it or
attacks it, and measures what happens. Each row below shows a limit and the measured values.

Each attack comes from one client: one account, or one address without credentials. A *victim* runs at the same time:
ten ordinary clients that ping twice, write four times and sign in once a second. What counts is that they do not notice
the attack. Most scenarios run on both stores. Where the store makes no difference, only the embedded one is used.

The server uses its default settings, except that some timeouts are shorter so that the run takes a quarter of an hour
instead of a day. The scenarios of several servers keep the default timeouts: three servers share one Redis and one
MongoDB. A scenario that could not run counts as a failure and shows the reason instead of values.

Measured on {date} with `{command}`, on {machine}.
MongoDB: {mongodb}.
"""


_BEFORE = """
“Before” is the same scenario on an earlier version, from before most of these limits existed.
"""


@dataclass(frozen=True)
class Conditions:
    """When, where and how the outcomes were measured."""

    date: str
    machine: str
    mongodb: str
    command: str


Before = dict[tuple[str, StoreKind, str], float]
"""Values of an earlier run, by scenario, store and name of the check."""


def lines_of(outcome: Outcome) -> Iterator[str]:
    """The line for an outcome: its first value, or one line for each value that failed."""
    name = f"{outcome.scenario.name:<23} {STORE_NAMES[outcome.store]:<9}"
    if outcome.reason:
        yield f"{name} could not run: {outcome.reason}  FAIL"
        return
    for check in outcome.failed_checks or outcome.checks[:1]:
        yield _line(name, check)
    if load := load_of(outcome):
        yield f"    {load}"
    if outcome.failed_checks:
        yield from (f"    {remark[:300]}" for remark in list(dict.fromkeys(outcome.remarks))[:5])


def load_of(outcome: Outcome) -> str:
    """How much of a core each process used, if that was measured."""
    shares = {
        name.removeprefix(LOAD).partition(",")[0]: value
        for name, value in outcome.figures.items()
        if name.startswith(LOAD)
    }
    return "CPU: " + ", ".join(f"{name} {value:.0f} %" for name, value in shares.items()) if shares else ""


def table_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """All values of all outcomes, by section."""
    for section in dict.fromkeys(outcome.scenario.section for outcome in outcomes):
        yield ""
        yield section
        for outcome in outcomes:
            if outcome.scenario.section != section:
                continue
            name = f"{outcome.scenario.name:<23} {STORE_NAMES[outcome.store]:<9}"
            if outcome.reason:
                yield f"{name} could not run: {outcome.reason}  FAIL"
            yield from (_line(name, check) for check in outcome.checks)


def summary_of(outcomes: Sequence[Outcome], seconds: float) -> str:
    """How many passed, failed and could not run."""
    passed = sum(outcome.passed for outcome in outcomes)
    unable = sum(bool(outcome.reason) for outcome in outcomes)
    failed = len(outcomes) - passed - unable
    text = f"{passed} passed, {failed} failed, {unable} could not run, in {seconds:.0f} s"
    disturbed = [each for each in outcomes if each.figures.get(STRANGERS, 0.0) > STRANGERS_PERCENT]
    if disturbed:
        most = max(each.figures[STRANGERS] for each in disturbed)
        text += (
            f"\nOther programs used up to {most:.0f} % of this machine during {len(disturbed)} of {len(outcomes)} "
            "runs: the times measured there may be too long."
        )
    return text


def page_of(outcomes: Sequence[Outcome], conditions: Conditions, before: Before | None = None) -> str:
    """The text of docs/reliability.md."""
    parts = [_PAGE.format(**asdict(conditions)), _BEFORE if before else ""]
    for section in dict.fromkeys(outcome.scenario.section for outcome in outcomes):
        ours = [outcome for outcome in outcomes if outcome.scenario.section == section]
        parts.append(f"\n## {section}\n")
        for scenario in dict.fromkeys(outcome.scenario for outcome in ours):
            parts.append(f"\n### {scenario.name}\n\n{scenario.summary}\n\n")
            parts.append(_page_table([each for each in ours if each.scenario is scenario], before or {}))
    return "".join(parts)


def write_json(file: Path, outcomes: Sequence[Outcome], conditions: Conditions) -> None:
    """Write all measurements to a file."""
    report = {**asdict(conditions), "outcomes": [_as_json(outcome) for outcome in outcomes]}
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(file: Path) -> Before:
    """The values of an earlier run, as written by `write_json`."""
    report = json.loads(file.read_text(encoding="utf-8"))
    return {
        (outcome["scenario"], outcome["store"], check["what"]): math.nan if check["value"] is None else check["value"]
        for outcome in report["outcomes"]
        for check in outcome["checks"]
    }


def amount(value: float, unit: str = "") -> str:
    """A number in readable form, with its unit."""
    if math.isnan(value):
        text = "not measured"
    elif math.isinf(value):
        text = "never" if unit == "s" else "∞"
    elif value == int(value) or abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text if not unit or math.isnan(value) or text == "never" else f"{text} {unit}"


def _line(name: str, check: Check) -> str:
    limit = f"{check.relation} {amount(check.limit, check.unit)}"
    return (
        f"{name} {check.what:<52} {amount(check.value, check.unit):>14}  {limit:>14}  "
        f"{'PASS' if check.holds else 'FAIL'}"
    )


def _page_table(outcomes: Sequence[Outcome], before: Before) -> str:
    stores = [outcome.store for outcome in outcomes]
    rows = [["measured", "limit", *(STORE_NAMES[store] for store in stores), "result"]]
    rows.append(["---"] * len(rows[0]))
    found = {(outcome.store, check.what): check for outcome in outcomes for check in outcome.checks}
    for what in dict.fromkeys(check.what for outcome in outcomes for check in outcome.checks):
        checks = [found.get((store, what)) for store in stores]
        shown = [_cell(outcome, check, before) for outcome, check in zip(outcomes, checks, strict=True)]
        known = [check for check in checks if check is not None]
        holds = all(check.holds for check in known)
        limit = f"{known[0].relation} {amount(known[0].limit, known[0].unit)}"
        rows.append([what, limit, *shown, "PASS" if holds else "FAIL"])
    text = "".join("| " + " | ".join(row) + " |\n" for row in rows) if len(rows) > 2 else ""
    reasons = [f"{STORE_NAMES[each.store]}: could not run: {each.reason}" for each in outcomes if each.reason]
    return text + "".join(f"\n{reason}. FAIL\n" for reason in reasons)


def _cell(outcome: Outcome, check: Check | None, before: Before) -> str:
    if check is None:
        return "–"
    earlier = before.get((outcome.scenario.name, outcome.store, check.what))
    was = "" if earlier is None else f" (before: {amount(earlier, check.unit)})"
    return amount(check.value, check.unit) + was


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "scenario": outcome.scenario.name,
        "store": outcome.store,
        "passed": outcome.passed,
        "reason": outcome.reason,
        "seconds": round(outcome.seconds, 1),
        "checks": [_finite({**asdict(check), "holds": check.holds}) for check in outcome.checks],
        "figures": _finite(dict(outcome.figures)),
        "remarks": list(outcome.remarks),
    }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has neither infinity nor NaN: both become null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def listing_of(scenarios: Iterable[Scenario]) -> Iterator[str]:
    """What `--list` prints."""
    for scenario in scenarios:
        stores = ", ".join(STORE_NAMES[store] for store in scenario.stores)
        yield f"{scenario.name:<23} {stores:<18} {scenario.summary}"
