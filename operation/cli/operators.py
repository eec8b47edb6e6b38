"""Operators on the command line: add, list, disable, reset; also while a server is at work on the same store."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import click
from argon2 import PasswordHasher
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.operator_auth import OperatorAuth
from models.operators import ROLES, Operator, Role
from models.passwords import Passwords
from models.stores import Stores
from models.times import utc_milliseconds
from operation.cli.command import opened_stores, run_command
from operation.cli.formatting import printable
from settings import Settings

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from standard input instead of asking for it twice."
)


@click.group("operator")
def operator_commands() -> None:
    """Add, list and disable operators of the dashboard, /admin; give them new passwords. Also while the server runs."""


@operator_commands.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the operator may do: look, act, or all.")
@_password_stdin
@click.pass_obj
def add_operator(settings: Settings, name: str, role: Role, password_stdin: bool) -> None:
    """Add operator NAME. Asks for the password twice."""
    run_command(_add(settings, name, _password(from_stdin=password_stdin), role))


@operator_commands.command("list")
@click.pass_obj
def list_operators(settings: Settings) -> None:
    """Print every operator: id, role, state, when added, name."""
    run_command(_list(settings))


@operator_commands.command("disable")
@click.argument("name")
@click.pass_obj
def disable_operator(settings: Settings, name: str) -> None:
    """Shut operator NAME out: signed out everywhere within a second. An admin can take that back, on the dashboard."""
    run_command(_disable(settings, name))


@operator_commands.command("reset")
@click.argument("name")
@_password_stdin
@click.pass_obj
def reset_operator(settings: Settings, name: str, password_stdin: bool) -> None:
    """Give operator NAME a new password. Whoever is signed in by that name is signed out within a second."""
    run_command(_reset(settings, name, _password(from_stdin=password_stdin)))


async def ensure_operator(stores: Stores, settings: Settings, name: str, password: str, role: Role) -> None:
    """See that there is an operator of this name and password. Raises StoreUnavailable."""
    async with _opened_operator_auth(stores, settings) as operator_auth:
        found = await stores.operators.credentials(name)
        if found is None:
            await operator_auth.add(name, password, role)
        elif not await operator_auth.passwords.matches(password, found[1]):
            await operator_auth.change(found[0].operator_id, password=password)


async def _add(settings: Settings, name: str, password: str, role: Role) -> None:
    async with opened_stores(settings) as stores, _opened_operator_auth(stores, settings) as operator_auth:
        operator = await operator_auth.add(name, password, role)
    click.echo(f"added operator {operator.operator_id}, {printable(operator.name)} ({operator.role})")


async def _list(settings: Settings) -> None:
    async with opened_stores(settings) as stores:
        operators = await stores.operators.all()
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_table(operators))
    else:
        for operator in operators:
            click.echo("\t".join(_cells(operator)))


async def _disable(settings: Settings, name: str) -> None:
    async with opened_stores(settings) as stores, _opened_operator_auth(stores, settings) as operator_auth:
        operator = await _named(name, stores)
        await operator_auth.change(operator.operator_id, disabled=True)
        await stores.notices.post("operator_changed", operator.operator_id, operator.operator_id)
    click.echo(f"disabled operator {operator.operator_id}, {printable(operator.name)}")


async def _reset(settings: Settings, name: str, password: str) -> None:
    async with opened_stores(settings) as stores, _opened_operator_auth(stores, settings) as operator_auth:
        operator = await _named(name, stores)
        await operator_auth.change(operator.operator_id, password=password)
        await stores.notices.post("operator_changed", operator.operator_id, operator.operator_id)
    click.echo(f"reset the password of operator {operator.operator_id}, {printable(operator.name)}")


@asynccontextmanager
async def _opened_operator_auth(stores: Stores, settings: Settings) -> AsyncIterator[OperatorAuth]:
    hasher = PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes)
    passwords = Passwords(hasher, workers=1, waiting_limit=1)
    try:
        yield OperatorAuth(stores, passwords, settings, now=lambda: utc_milliseconds(datetime.now(UTC)))
    finally:
        passwords.close()


async def _named(name: str, stores: Stores) -> Operator:
    found = await stores.operators.credentials(name)
    if found is None:
        raise click.ClickException(f"there is no operator {printable(name)}")
    return found[0]


def _password(*, from_stdin: bool) -> str:
    """The password, without the line's end. Never from an argument: others can read those."""
    if not from_stdin:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt="Once more"))
    try:
        password = sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("standard input is no UTF-8 text") from None
    if "\n" in password:
        raise click.UsageError("standard input has more than one line: give the password alone")
    return password


def _cells(operator: Operator) -> tuple[str, str, str, str, str]:
    state = "disabled" if operator.disabled else "enabled"
    added = operator.created_at.strftime("%Y-%m-%d %H:%M:%SZ")
    return str(operator.operator_id), operator.role, state, added, printable(operator.name)


def _table(operators: list[Operator]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("id", justify="right")
    for head in ("role", "state", "added", "name"):
        table.add_column(head, no_wrap=True)
    for operator in operators:
        table.add_row(*(Text(cell) for cell in _cells(operator)))
    return table
