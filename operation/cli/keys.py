"""Service keys on the command line: add, list and revoke them, even while a server uses the same store."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.table import Table
from rich.text import Text

from models.direction import in_sentence
from models.service_keys import SCOPES, Scope, ServiceKey
from models.stores import opened_stores
from models.times import utc_milliseconds
from operation.cli.command import checked_text, pass_settings, run_command
from operation.output import console, printable, say
from settings import Settings

NAME_LENGTH = 64
"""The longest name of a key, in characters."""


def _name(context: click.Context, param: click.Parameter, text: str) -> str:
    checked_text(context, param, text)
    if not text.isprintable() or text != text.strip() or not 0 < len(text) <= NAME_LENGTH:
        raise click.BadParameter(f"must have 1 to {NAME_LENGTH} printable characters, without spaces around them")
    return text


@click.group("key")
def key_commands() -> None:
    """Manage service keys for an app's own backend.

    These commands also work while the server runs, and take effect within a second.
    """


@key_commands.command("add")
@click.argument("name", callback=_name)
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    required=True,
    help="What the key may do: read, also act for users, or also disable and delete them.",
)
@pass_settings
def add_key(settings: Settings, name: str, scope: Scope) -> None:
    """Add a service key called NAME, and print it.

    The key is printed this once; only a hash of it is stored. The audit log calls it key:NAME.
    """
    run_command(_add(settings, name, scope))


@key_commands.command("list")
@pass_settings
def list_keys(settings: Settings) -> None:
    """Print every service key.

    A line is the id, the scope, the state, when it was added, when it was last used, and the name.
    """
    run_command(_list(settings))


@key_commands.command("revoke")
@click.argument("name", callback=_name)
@pass_settings
def revoke_key(settings: Settings, name: str) -> None:
    """Revoke the service key NAME for good.

    Requests with it are refused, and its sockets are closed, within a second.
    """
    run_command(_revoke(settings, name))


async def _add(settings: Settings, name: str, scope: Scope) -> None:
    async with opened_stores(settings) as stores:
        key, text = await stores.service_keys.add(name, scope, utc_milliseconds(datetime.now(UTC)))
        await stores.notices.post("keys_changed")
    say(f"added key {printable(key.name)} ({key.scope}); it is shown only this once:", err=True)
    say(text)


async def _list(settings: Settings) -> None:
    async with opened_stores(settings) as stores:
        keys = await stores.service_keys.all()
    terminal = console()
    if terminal.is_terminal:
        terminal.print(_table(keys))
    else:
        for key in keys:
            say("\t".join(_cells(key)))


async def _revoke(settings: Settings, name: str) -> None:
    now = utc_milliseconds(datetime.now(UTC))
    async with opened_stores(settings) as stores:
        key = await stores.service_keys.revoke(name, now)
        if key is None:
            raise click.ClickException(f"there is no key {name}")
        await stores.notices.post("keys_changed")
    if key.revoked_at == now:
        say(f"revoked key {printable(key.name)}")
    else:
        say(f"key {printable(key.name)} was already revoked, at {_time(key.revoked_at)}")


def _cells(key: ServiceKey) -> tuple[str, str, str, str, str, str]:
    state = "active" if key.revoked_at is None else "revoked"
    return key.key_id, key.scope, state, _time(key.created_at), _time(key.last_used_at), printable(key.name)


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _table(keys: list[ServiceKey]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("id", "scope", "state", "added", "last used", "name"):
        table.add_column(head, no_wrap=True)
    for key in keys:
        *cells, name = _cells(key)
        table.add_row(*(Text(cell) for cell in (*cells, in_sentence(name))))
    return table
