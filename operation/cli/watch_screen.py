"""Watch screen: everyone's status as a table for a terminal, and each change as a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.direction import POP_DIRECTIONAL_ISOLATE, in_sentence
from models.status import State
from operation.cli.formatting import COLOURS, SHAPES, span
from operation.cli.watch_state import News, Row, WatchState

LATEST_LINES = 8
"""How many changes are shown below the table."""

NAME_WIDTH = 20
"""Characters of the column of names in a line."""

_FRAME_LINES = 7
"""Lines of the screen that show neither a user nor a change: headings, borders, figures."""

_ORDER: dict[State, int] = {"available": 0, "busy": 1, "offline": 2}


def line_of(news: News, *, isolate: bool = False) -> str:
    """A change as a line: when, the state, who, and the reason. With `isolate`, names keep their own direction."""
    if isinstance(news, Row):
        assert news.since is not None, "a change has a time"
        name = _padded((news.name,), isolate=isolate)
        return f"{news.since:%H:%M:%S}  {SHAPES[news.state]} {news.state:<9}  {name}  {news.reason}"
    return f"{news.at:%H:%M:%S}  ☎ {'call':<9}  {_padded(news.names, isolate=isolate)}  {news.text}"


def _padded(names: tuple[str, ...], *, isolate: bool) -> str:
    """The names of a line, at least as wide as their column. Isolates have no width."""
    text = " → ".join(names)
    shown = " → ".join(map(in_sentence, names)) if isolate else text
    return shown + " " * (NAME_WIDTH - len(text))


def screen(watched: WatchState, *, height: int, now: datetime, note: str = "") -> RenderableType:
    """Everyone's status within `height` lines. `note` says what is wrong with the connection."""
    room = max(3, height - _FRAME_LINES - LATEST_LINES)
    rows = sorted(watched, key=lambda row: (_ORDER[row.state], row.name.casefold()))
    latest = list(watched.latest)[: -LATEST_LINES - 1 : -1]
    return Group(_heading(watched, note), _table(rows, room, now), *(_coloured(news) for news in latest))


def _heading(watched: WatchState, note: str) -> Text:
    if note:
        return Text(note, style="bold red")
    if watched.counts is None:
        return Text("Rollcall", style="bold")
    counts = watched.counts
    heading = Text("Rollcall  ", style="bold")
    heading.append(f"{counts.total_users} users   ", style="not bold")
    by_state: dict[State, int] = {
        "available": counts.available,
        "busy": counts.busy,
        "offline": counts.total_users - counts.online,
    }
    for state, count in by_state.items():
        heading.append(f"{SHAPES[state]} {count} {state}   ", style=f"not bold {COLOURS[state]}")
    heading.append(f"☎ {counts.ongoing_calls} {'call' if counts.ongoing_calls == 1 else 'calls'}", style="not bold")
    return heading


def _table(rows: Sequence[Row], room: int, now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("user", ratio=3, no_wrap=True)
    table.add_column("state", ratio=2, no_wrap=True)
    table.add_column("reason", ratio=3, no_wrap=True)
    table.add_column("since", ratio=1, justify="right", no_wrap=True)
    shown = rows if len(rows) <= room else rows[: room - 1]
    for row in shown:
        name = in_sentence(row.name)
        # A name that is too long for its column is cut before the end of its isolate, which then ends in the next one.
        end = "" if name == row.name else POP_DIRECTIONAL_ISOLATE
        table.add_row(
            Text(name),
            Text(f"{end}{SHAPES[row.state]} {row.state}", style=COLOURS[row.state]),
            Text(row.reason),
            Text(_since(row, now)),
        )
    if len(shown) < len(rows):
        table.add_row(Text(f"and {len(rows) - len(shown)} more", style="dim"))
    return table


def _since(row: Row, now: datetime) -> str:
    """How long the user has been in that state, as far as we can know."""
    if row.since is not None:
        return span((now - row.since).total_seconds())
    return span((now - row.status.last_seen).total_seconds()) if row.state == "offline" else "–"


def _coloured(news: News) -> Text:
    return Text(line_of(news, isolate=True), style=COLOURS[news.state] if isinstance(news, Row) else "", no_wrap=True)
