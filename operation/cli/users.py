"""Users on the command line: import, list, disable, tokens; also while a server is at work on the same store."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from models.times import utc_milliseconds
from models.users import StoredUser, Users
from operation.cli.command import opened_stores, run_command, tokens_of, with_secret
from operation.cli.formatting import printable
from operation.cli.user_file import UserFile, UserFileError, read_user_file
from operation.cli.user_import import add_users
from settings import Settings

PAGE_USERS = 500
"""Users read from the store, and printed, at a time."""

MINUTES_LIMIT = 366 * 24 * 60
"""The longest life of a token made here: a year."""

_AT_MOST = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Not more than N users.")


@click.group("user")
def user_commands() -> None:
    """Import, list and disable users; make tokens. A running server on the same store notices within a second."""


@user_commands.command("import")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def import_users(settings: Settings, file: IO[bytes]) -> None:
    """Make the users of FILE (- is standard input), one JSON object a line.

    Keys: username, password (optional), profile_image_url (optional). Who has no password cannot log in by one. If a
    line is wrong or a name is taken, that is said with the line's number, and nothing of the file is taken.
    """
    try:
        user_file = read_user_file(file, settings.password_length_minimum)
        run_command(_import(settings, user_file))
    except UserFileError as error:
        for line in error.lines():
            click.echo(printable(line), err=True)
        raise click.ClickException("nothing of the file was taken") from None


@user_commands.command("list")
@_AT_MOST
@click.pass_obj
def list_users(settings: Settings, limit: int | None) -> None:
    """Print every user: id, state as last saved, last sign of life, name."""
    run_command(_list(settings, limit))


@user_commands.command("disable")
@click.argument("user_id", type=click.IntRange(min=1), metavar="ID")
@click.pass_obj
def disable_user(settings: Settings, user_id: int) -> None:
    """Shut user ID out: tokens are refused and sockets closed within a second."""
    run_command(_disable(settings, user_id))


@user_commands.command("tokens")
@_AT_MOST
@click.option(
    "--minutes", type=click.IntRange(1, MINUTES_LIMIT), default=60, show_default=True, metavar="M", help="Their life."
)
@click.pass_obj
def make_tokens(settings: Settings, limit: int | None, minutes: int) -> None:
    """Print "user_id token" a line, for tries, load tests and support. Disabled users are left out."""
    run_command(_tokens(with_secret(settings), limit, minutes))


async def _import(settings: Settings, user_file: UserFile) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with_password = sum(line.password is not None for line in user_file.lines)
    async with opened_stores(settings) as stores:
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            hashing = progress.add_task("hashing passwords", total=with_password, visible=with_password > 0)
            writing = progress.add_task("writing users", total=len(user_file.lines))
            ids = await add_users(
                stores,
                user_file,
                settings,
                hashed=lambda count: progress.advance(hashing, count),
                written=lambda count: progress.advance(writing, count),
            )
    click.echo(f"imported {len(ids)} users, ids {ids[0]} to {ids[-1]}" if ids else "there are no users in the file")


async def _list(settings: Settings, limit: int | None) -> None:
    console = Console(highlight=False)
    async with opened_stores(settings) as stores:
        is_first = True
        async for page in _pages(stores.users, limit):
            if console.is_terminal:
                console.print(_table(page, with_head=is_first))
            else:
                click.echo("\n".join("\t".join(_cells(user)) for user in page))
            is_first = False


async def _disable(settings: Settings, user_id: int) -> None:
    now = utc_milliseconds(datetime.now(UTC))
    async with opened_stores(settings) as stores:
        user = await stores.users.disable(user_id, now)
        if user is None:
            raise click.ClickException(f"there is no user {user_id}")
        await stores.logins.revoke_user(user_id, now)
        await stores.notices.post("user_disabled", user_id, user_id)
    click.echo(f"disabled user {user_id}, {printable(user.profile.username)}")


async def _tokens(settings: Settings, limit: int | None, minutes: int) -> None:
    tokens = tokens_of(settings)
    async with opened_stores(settings) as stores:
        async for page in _pages(stores.users, limit, with_disabled=False):
            ids = [user.profile.user_id for user in page]
            made = [(each, tokens.mint(each, secrets.token_hex(12), "access", minutes * 60)[0]) for each in ids]
            click.echo("\n".join(f"{user_id} {token}" for user_id, token in made))


async def _pages(users: Users, limit: int | None, *, with_disabled: bool = True) -> AsyncIterator[list[StoredUser]]:
    """The users by id, a page at a time, `limit` of them at most."""
    after, left = 0, sys.maxsize if limit is None else limit
    while left and (page := await users.page(after, PAGE_USERS)):
        after = page[-1].profile.user_id
        wanted = [user for user in page if with_disabled or not user.disabled][:left]
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
        table.add_row(*(Text(cell) for cell in _cells(user)))
    return table
