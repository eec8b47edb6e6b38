"""Chaos: run the scenarios and report which ones pass. See `python -m chaos --help`."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click

from chaos.catalog import CLUSTER_SCENARIOS, SCENARIOS
from chaos.check import BOTH, StoreKind
from chaos.machine import describe_machine
from chaos.program import ROOT
from chaos.report import (
    Before,
    Conditions,
    lines_of,
    listing_of,
    page_of,
    read_json,
    summary_of,
    table_of,
    write_json,
)
from chaos.runner import run_all
from chaos.scenario import Outcome, Scenario
from chaos.stores import describe_mongodb

PAGE = ROOT / "docs" / "reliability.md"

STORES: dict[str, tuple[StoreKind, ...]] = {"embedded": ("embedded",), "mongodb": ("mongodb",), "both": BOTH}


def _by_servers(servers: str) -> list[Scenario]:
    return [*(SCENARIOS if servers != "several" else ()), *(CLUSTER_SCENARIOS if servers != "one" else ())]


def _named(_context: click.Context, _param: click.Parameter, names: Sequence[str]) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in _by_servers("all")}
    wanted = [name for given in names for name in given.split(",") if name]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise click.BadParameter(f"unknown scenario: {', '.join(unknown)}; use --list to see all scenarios")
    return [known[name] for name in dict.fromkeys(wanted)]


@click.command()
@click.option(
    "--store", type=click.Choice(list(STORES)), default="both", show_default=True, help="The store to run on."
)
@click.option(
    "--servers",
    type=click.Choice(["one", "several", "all"]),
    default="one",
    show_default=True,
    help="The scenarios of one server, of several, or all.",
)
@click.option("--only", "named", multiple=True, callback=_named, metavar="NAME[,NAME]…", help="Run only these.")
@click.option("--list", "lists", is_flag=True, help="List the scenarios and run nothing.")
@click.option("--long", "is_long", is_flag=True, help="Run churn for five minutes, not one.")
@click.option("--write", "writes", is_flag=True, help="Write docs/reliability.md.")
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all measurements to this file."
)
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --write: the --json file of an earlier run, whose values are shown next to the new ones.",
)
def main(
    store: str,
    servers: str,
    named: list[Scenario],
    lists: bool,
    is_long: bool,
    writes: bool,
    file: Path | None,
    before: Path | None,
) -> None:
    """Break things under the real server, attack it, and check that it holds up. Exits with 1 if anything fails."""
    if lists:
        click.echo("\n".join(listing_of(named or _by_servers("all"))))
        return
    scenarios = named or _by_servers(servers)
    if writes and (len(scenarios) < len(_by_servers("all")) or store != "both"):
        raise click.UsageError("--write requires a run of all scenarios on both stores, with --servers all")
    if not any(kind in scenario.stores for scenario in scenarios for kind in STORES[store]):
        raise click.UsageError("none of the selected scenarios runs on that store")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    _allow_open_files()
    which = [] if servers == "one" else [f"SERVERS={servers}"]
    command = " ".join(["make chaos", *(["LONG=1"] if is_long else []), *which])
    conditions = Conditions(f"{datetime.now(UTC):%Y-%m-%d}", describe_machine(), describe_mongodb(), command)
    outcomes = _run(scenarios, STORES[store], is_long=is_long)
    if file is not None:
        write_json(file, outcomes, conditions)
    if writes:
        earlier: Before = {} if before is None else read_json(before)
        PAGE.write_text(page_of(outcomes, conditions, earlier), encoding="utf-8")
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def _run(scenarios: Sequence[Scenario], stores: Sequence[StoreKind], *, is_long: bool) -> list[Outcome]:
    """Run the scenarios; print a line for each as it finishes, and the table at the end."""
    began = time.monotonic()

    def show(outcome: Outcome) -> None:
        for line in lines_of(outcome):
            click.echo(line)

    outcomes = asyncio.run(run_all(scenarios, stores, is_long=is_long, on_outcome=show))
    for line in table_of(outcomes):
        click.echo(line)
    click.echo()
    click.echo(summary_of(outcomes, time.monotonic() - began))
    return outcomes


def _leave(number: int, _frame: FrameType | None) -> None:
    """Exit by raising an exception, so that everything that was started is stopped."""
    sys.exit(128 + number)


def _allow_open_files() -> None:
    """Raise the limit on open files: each client of a crowd needs one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
