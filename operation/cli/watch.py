"""Watch: the feed in a terminal, as a live table, or as one line a change."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live

from operation.address import Address, address_of, parse_address
from operation.cli.command import run_command
from operation.cli.feed_client import FeedClient, Heard, TurnedAway
from operation.cli.formatting import printable
from operation.cli.watch_screen import line_of, screen
from operation.cli.watch_state import News, WatchState
from realtime.protocol import CallStatusUpdate, Channel, FeedStats, Snapshot, TokenExpiring, UserStatusUpdate
from settings import Settings

REDRAW_SECONDS = 0.25


class View(Protocol):
    """Where the news is shown."""

    def show(self, news: News) -> None:
        """Something changed."""

    def say(self, words: str) -> None:
        """What became of the connection; empty when all is well."""


class Lines:
    """One line a change on standard output; what concerns the connection goes to standard error."""

    def show(self, news: News) -> None:
        """See View."""
        click.echo(line_of(news))

    def say(self, words: str) -> None:
        """See View."""
        if words:
            click.echo(printable(words), err=True)


class Screen:
    """A live table. `draw` is called again and again, because `since` moves even when nothing happens."""

    def __init__(self, state: WatchState, live: Live, now: Callable[[], datetime]) -> None:
        self._board = state
        self._live = live
        self._now = now
        self._note = ""

    def show(self, news: News) -> None:
        """See View. The next drawing shows it."""

    def say(self, words: str) -> None:
        """See View."""
        self._note = printable(words)

    def draw(self) -> None:
        """Show the board as it is."""
        height = self._live.console.height
        self._live.update(screen(self._board, height=height, now=self._now(), note=self._note), refresh=True)


def _token(_context: click.Context, _param: click.Parameter, text: str) -> str:
    token = sys.stdin.readline().strip() if text == "-" else text.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise click.BadParameter("give an access token, or - to read it from standard input")
    return token


def _url(_context: click.Context, _param: click.Parameter, text: str | None) -> Address | None:
    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("watch")
@click.option("--token", required=True, callback=_token, help="Access token; - reads it from standard input.")
@click.option("--url", callback=_url, metavar="URL", help="ws://host:port; without it the server on this machine.")
@click.option("--channel", type=click.Choice(["feed", "presence"]), default="feed", show_default=True)
@click.option("--lines", is_flag=True, help="One line a change, as in a pipe, also on a terminal.")
@click.pass_obj
def watch_command(settings: Settings, token: str, url: Address | None, channel: Channel, lines: bool) -> None:
    """Show who is available, busy or offline, as it changes, until Ctrl-C.

    On a terminal a live table with the latest changes under it; in a pipe one line a change.
    """
    address = url or address_of(settings, settings.port)
    console = Console(highlight=False)
    try:
        if lines or not console.is_terminal:
            run_command(_watch_lines(address, channel, token))
        else:
            run_command(_watch_screen(address, channel, token, console))
    except TurnedAway as refusal:
        raise click.ClickException(printable(str(refusal))) from None


async def _watch_lines(address: Address, channel: Channel, token: str) -> None:
    view = Lines()
    await _follow(address, channel, token, WatchState(_now), view)


async def _watch_screen(address: Address, channel: Channel, token: str, console: Console) -> None:
    state = WatchState(_now)
    with Live(console=console, auto_refresh=False, screen=True) as live:
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
    """Until Ctrl-C or SIGTERM, which end it well. Raises TurnedAway."""

    def hear(message: Heard) -> None:
        for news in fold(state, message):
            view.show(news)
        if isinstance(message, TokenExpiring):
            view.say(f"the token expires at {message.expires_at:%H:%M:%S} UTC")

    # Spread, not secrecy, is what the jitter is for.
    feed_client = FeedClient(address, channel, token, hear, view.say, jitter=random.random)
    following = asyncio.ensure_future(feed_client.follow())
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, following.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await following
    feed_client.close()
    await asyncio.sleep(0)


def fold(state: WatchState, message: Heard) -> list[News]:
    """Take a message into the board; what of it is news."""
    match message:
        case UserStatusUpdate():
            row = state.fold_update(message)
            return [row] if row else []
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
