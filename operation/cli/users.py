"""Users on the command line: import and list them, make tokens; even while a server uses the same store."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator
from typing import IO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from models.direction import in_sentence
from models.stores import opened_stores
from models.tokens import Tokens, open_tokens
from models.user_documents import StoredUser
from models.users import Users
from operation.cli.command import pass_settings, run_command, with_secret
from operation.cli.user_changes import COMMANDS
from operation.cli.user_file import UserFile, UserFileError, read_user_file
from operation.cli.user_import import add_users
from operation.output import console, printable, say
from settings import Settings

PAGE_USERS = 500
"""Users read from the store, and printed, at a time."""

MINUTES_LIMIT = 366 * 24 * 60
"""The longest lifetime of a token made here: a year."""

_AT_MOST = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N users.")


@click.group("user")
def user_commands() -> None:
    """Import, list and change users; make tokens.

    These commands also work while the server runs, and take effect within a second.
    """


for each in COMMANDS:
    user_commands.add_command(each)


@user_commands.command("import")
@click.argument("file", type=click.File("rb"))
@pass_settings
def import_users(settings: Settings, file: IO[bytes]) -> None:
    """Create the users in FILE.

    FILE has one JSON object per line, with the keys username, password (optional) and profile_image_url (optional); -
    reads standard input. A user without a password cannot log in with one. If a line is invalid or a name is taken, the
    line is reported and no user is created.
    """
    try:
        user_file = read_user_file(file, settings.password_length_minimum)
        run_command(_import(settings, user_file))
    except UserFileError as error:
        for line in error.lines():
            say(printable(line), err=True)
        raise click.ClickException("no user was created") from None


@user_commands.command("list")
@_AT_MOST
@pass_settings
def list_users(settings: Settings, limit: int | None) -> None:
    """Print every user: id, state and last_seen as last saved, name."""
    run_command(_list(settings, limit))


@user_commands.command("tokens")
@_AT_MOST
@click.option(
    "--minutes",
    type=click.IntRange(1, MINUTES_LIMIT),
    default=60,
    show_default=True,
    metavar="M",
    help="Lifetime of a token, in minutes.",
)
@pass_settings
def make_tokens(settings: Settings, limit: int | None, minutes: int) -> None:
    """Print an access token for every user.

    A line is "user_id token". Disabled users get none. The tokens are for trials, load tests and support.
    """
    run_command(_tokens(with_secret(settings), limit, minutes))


async def _import(settings: Settings, user_file: UserFile) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with_password = sum(line.password is not None for line in user_file.lines)
    async with opened_stores(settings) as stores:
        with Progress(*columns, console=console(err=True), disable=not sys.stderr.isatty()) as progress:
            hashing = progress.add_task("hashing passwords", total=with_password, visible=with_password > 0)
            writing = progress.add_task("writing users", total=len(user_file.lines))
            ids = await add_users(
                stores,
                user_file,
                settings,
                hashed=lambda count: progress.advance(hashing, count),
                written=lambda count: progress.advance(writing, count),
            )
    say(f"imported {len(ids)} users, ids {ids[0]} to {ids[-1]}" if ids else "there are no users in the file")


async def _list(settings: Settings, limit: int | None) -> None:
    terminal = console()
    async with opened_stores(settings) as stores:
        is_first = True
        async for page in _pages(stores.users, limit):
            if terminal.is_terminal:
                terminal.print(_table(page, with_head=is_first))
            else:
                say("\n".join("\t".join(_cells(user)) for user in page))
            is_first = False


async def _tokens(settings: Settings, limit: int | None, minutes: int) -> None:
    tokens = open_tokens(settings)
    async with opened_stores(settings) as stores:
        async for page in _pages(stores.users, limit, with_disabled=False):
            say("\n".join(_token_line(tokens, user, minutes * 60) for user in page))


def _token_line(tokens: Tokens, user: StoredUser, life_seconds: int) -> str:
    user_id = user.profile.user_id
    token, _ = tokens.mint(user_id, secrets.token_hex(12), "access", life_seconds, user.token_version)
    return f"{user_id} {token}"


async def _pages(users: Users, limit: int | None, *, with_disabled: bool = True) -> AsyncIterator[list[StoredUser]]:
    """The users in the order of their ids, a page at a time, at most `limit` of them."""
    after, left = 0, sys.maxsize if limit is None else limit
    while left and (page := await users.page(after, PAGE_USERS)):
        after = page[-1].profile.user_id
        present = [user for user in page if user.deleted_at is None]
        wanted = [user for user in present if with_disabled or not user.disabled][:left]
        left -= len(wanted)
        if wanted:
            yield wanted


def _cells(user: StoredUser) -> tuple[str, str, str, str]:
    state = "disabled" if user.disabled else "online" if user.online else "offline"
    seen = user.last_seen.strftime("%Y-%m-%d %H:%M:%SZ")
    return str(user.profile.user_id), state, seen, printable(user.profile.username)


def _table(page: list[StoredUser], *, with_head: bool) -> Table:
    table = Table(box=None, show_header=with_head, pad_edge=False)
    table.add_column("id", justify="right", width=10)
    table.add_column("state", width=8)
    table.add_column("last seen", width=20)
    table.add_column("name", no_wrap=True)
    for user in page:
        *cells, name = _cells(user)
        table.add_row(*(Text(cell) for cell in (*cells, in_sentence(name))))
    return table
