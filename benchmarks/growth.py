"""Measure how Rollcall's cost grows with users, watchers, changes per second, idle sockets and nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.cluster import open_mongo, open_redis, start_cluster
from benchmarks.curves import Curve, Growth, Point, write_growth
from benchmarks.failure import BenchmarkError
from benchmarks.lab import SERVER, Lab
from benchmarks.load import Cost, Load, connect_watchers, measure_changes, measure_load
from benchmarks.peers.install import peers_folder
from benchmarks.run import now, short, this_machine
from benchmarks.session import opened_lab

_NODE_USERS = 100
_NODE_WATCHERS = 300
_NODE_CHANGES = 50

_CURVES: dict[str, tuple[str, Callable[[int], Load], tuple[int, ...]]] = {
    "users": (
        "users; 500 watchers, 20 changes per second",
        lambda x: Load(users=x),
        (1_000, 2_500, 5_000, 10_000, 20_000),
    ),
    "watchers": (
        "watchers; 1,000 users, 20 changes per second",
        lambda x: Load(watchers=x),
        (250, 500, 1_000, 2_000, 4_000),
    ),
    "changes": (
        "changes per second; 1,000 users, 500 watchers",
        lambda x: Load(changes_per_second=x),
        (10, 50, 100, 200, 400),
    ),
    "idle": (
        "idle sockets; 2,000 users, no changes",
        lambda x: Load(users=2_000, watchers=x, changes_per_second=0),
        (0, 2_500, 5_000, 10_000),
    ),
}
"""For each curve: its title, the load at a point, and the points."""

_NODES = "nodes"


@click.command()
@click.option("--only", multiple=True, type=click.Choice([*_CURVES, _NODES]), help="Measure only these curves.")
@click.option("--seconds", default=6.0, show_default=True, help="How long to measure each point.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also save the points.")
@click.option("--server", default=SERVER, type=click.Path(path_type=Path), help="Path of the server.py to measure.")
def main(only: tuple[str, ...], seconds: float, file: Path | None, server: Path) -> None:
    """Measure curves of Rollcall's cost."""
    console = Console()
    try:
        with opened_lab(peers_folder(), server=server) as lab:
            curves = list(_measured(lab, only or (*_CURVES, _NODES), seconds, console))
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    if file is not None:
        write_growth(Growth(now(), this_machine(), seconds, curves), file)


def _measured(lab: Lab, names: tuple[str, ...], seconds: float, console: Console) -> Iterator[Curve]:
    for name in names:
        if name == _NODES:
            curve = Curve("nodes; 300 watchers in all, 50 changes per second", list(_node_points(lab, seconds)))
        else:
            title, load, points = _CURVES[name]
            curve = Curve(title, [_point(x, measure_load(lab, load(x), seconds=seconds)) for x in points])
        _print(console, name, curve)
        yield curve


def _node_points(lab: Lab, seconds: float) -> Iterator[Point]:
    with ExitStack() as stack:
        redis, mongo = stack.enter_context(open_redis(lab)), stack.enter_context(open_mongo(lab))
        for count in (1, 2, 3):
            with ExitStack() as servers:
                cluster = start_cluster(lab, servers, redis, mongo, nodes=count, users=_NODE_USERS)
                for node in cluster.nodes:
                    connect_watchers(lab, servers, node, _NODE_WATCHERS // count)
                yield _point(count, measure_changes(lab, cluster.nodes, _NODE_CHANGES, seconds=seconds))


def _point(x: int, cost: Cost) -> Point:
    per_message = cost.per_message_us if cost.delivered and cost.changes else None
    return Point(x, per_message, cost.per_change_us if cost.changes else None, cost.share)


def _print(console: Console, name: str, curve: Curve) -> None:
    table = Table(title=curve.grows, title_justify="left")
    for heading in (name, "µs per delivered message", "µs per change", "share of a core"):
        table.add_column(heading, justify="right")
    for point in curve.points:
        costs = ("" if cost is None else short(cost) for cost in (point.per_message_us, point.per_change_us))
        table.add_row(f"{point.x:,}", *costs, f"{point.core_share:.2%}")
    console.print(table)


if __name__ == "__main__":
    main()
