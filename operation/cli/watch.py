"""Watch: the feed in a terminal, as a live table or as one line for each change."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live

from operation.address import Address, address_of, parse_address
from operation.cli.command import pass_settings, run_command
from operation.cli.feed_client import FeedClient, Received, TurnedAway
from operation.cli.watch_screen import line_of, screen
from operation.cli.watch_state import News, WatchState
from operation.output import console, printable, say
from operation.signals import stop_signals
from realtime.protocol import (
    CallStatusUpdate,
    Channel,
    ConnectionEstablished,
    FeedStats,
    Snapshot,
    TokenExpiring,
    UserRemoved,
    UserStatusUpdate,
)
from settings import Settings

REDRAW_SECONDS = 0.25


class View(Protocol):
    """Where changes are shown."""

    def show(self, news: News) -> None:
        """Show a change."""

    def say(self, words: str) -> None:
        """Say what is wrong with the connection; nothing, if all is well."""


class Lines:
    """One line for each change on standard output; messages about the connection go to standard error."""

    def show(self, news: News) -> None:
        """See View."""
        say(line_of(news, isolate=sys.stdout.isatty()))

    def say(self, words: str) -> None:
        """See View."""
        if words:
            say(printable(words), err=True)


class Screen:
    """A live table. `draw` is called periodically, because the column “since” changes even when nothing happens."""

    def __init__(self, state: WatchState, live: Live, now: Callable[[], datetime]) -> None:
        self._state = state
        self._live = live
        self._now = now
        self._note = ""

    def show(self, news: News) -> None:
        """See View. The next `draw` shows it."""

    def say(self, words: str) -> None:
        """See View."""
        self._note = printable(words)

    def draw(self) -> None:
        """Draw the table as it is now."""
        height = self._live.console.height
        self._live.update(screen(self._state, height=height, now=self._now(), note=self._note), refresh=True)


def _token(_context: click.Context, _param: click.Parameter, text: str) -> str:
    if text != "-":
        token = text.strip()
    elif sys.stdin.isatty():
        token = str(click.prompt("Access token", hide_input=True, err=True)).strip()
    else:
        token = sys.stdin.buffer.readline().decode(errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise click.BadParameter("give an access token, or - to read it from standard input")
    return token


def _url(_context: click.Context, _param: click.Parameter, text: str | None) -> Address | None:
    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("watch")
@click.option(
    "--token",
    required=True,
    callback=_token,
    help="Access token or service key, or - to read it from standard input.",
)
@click.option("--url", callback=_url, metavar="URL", help="ws://host:port; by default the server on this machine.")
@click.option(
    "--channel", type=click.Choice(["feed", "presence"]), default="feed", show_default=True, help="Channel to watch."
)
@click.option("--lines", is_flag=True, help="Print one line for each change, even on a terminal.")
@pass_settings
def watch_command(settings: Settings, token: str, url: Address | None, channel: Channel, lines: bool) -> None:
    """Watch in the terminal who is available, busy or offline.

    A terminal shows a live table with the latest changes below it; a pipe gets one line for each change. Ctrl-C ends
    it. The token is best read from standard input, because everyone can read the process list:

    \b
        echo "$TOKEN" | python server.py watch --token -
    """
    address = url or address_of(settings, settings.port)
    terminal = console()
    try:
        if lines or not terminal.is_terminal:
            run_command(_watch_lines(address, channel, token))
        else:
            run_command(_watch_screen(address, channel, token, terminal))
    except TurnedAway as refusal:
        raise click.ClickException(str(refusal)) from None


async def _watch_lines(address: Address, channel: Channel, token: str) -> None:
    view = Lines()
    await _follow(address, channel, token, WatchState(_now), view)


async def _watch_screen(address: Address, channel: Channel, token: str, terminal: Console) -> None:
    state = WatchState(_now)
    with Live(console=terminal, auto_refresh=False, screen=True) as live:
        view = Screen(state, live, _now)

        async def redraw() -> None:
            while True:
                view.draw()
                await asyncio.sleep(REDRAW_SECONDS)

        drawing = asyncio.create_task(redraw())
        try:
            await _follow(address, channel, token, state, view)
        finally:
            drawing.cancel()


async def _follow(address: Address, channel: Channel, token: str, state: WatchState, view: View) -> None:
    """Run until a signal ends it. Raises TurnedAway."""

    def hear(message: Received) -> None:
        for news in fold(state, message):
            view.show(news)
        if isinstance(message, TokenExpiring):
            view.say(f"the token expires at {message.expires_at:%H:%M:%S} UTC")

    # The jitter spreads reconnects; nothing about it is secret.
    feed_client = FeedClient(address, channel, token, hear, view.say, jitter=random.random)
    following = asyncio.ensure_future(feed_client.follow())
    with stop_signals(following.cancel):
        with contextlib.suppress(asyncio.CancelledError):
            await following
        feed_client.close()
        await asyncio.sleep(0)


def fold(state: WatchState, message: Received) -> list[News]:
    """Apply a message; the changes in it."""
    match message:
        case UserStatusUpdate():
            row = state.fold_update(message)
            return [row] if row else []
        case ConnectionEstablished():
            state.connected()
            return []
        case UserRemoved():
            state.fold_removal(message.user_id)
            return []
        case Snapshot():
            return [*state.fold_snapshot(message.users, is_last=not message.more)]
        case CallStatusUpdate():
            return [state.fold_call(message.call)]
        case FeedStats():
            state.counts = message.stats
            return []
        case _:
            return []


def _now() -> datetime:
    return datetime.now().astimezone()
