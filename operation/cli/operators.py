"""Operators on the command line: add, list, disable and reset them, even while a server uses the same store."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from models.direction import in_sentence
from models.operators import ROLES, Operator, Role
from models.stores import Stores, opened_stores
from operation.cli.command import checked_text, pass_settings, run_command
from operation.cli.password_prompt import password_stdin as password_stdin_option
from operation.cli.password_prompt import read_password
from operation.operator_accounts import opened_operator_auth
from operation.output import console, printable, say
from settings import Settings


@click.group("operator")
def operator_commands() -> None:
    """Manage the operators of the dashboard.

    These commands also work while the server runs, and take effect within a second.
    """


@operator_commands.command("add")
@click.argument("name", callback=checked_text)
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the operator may do: look, act, or all.")
@password_stdin_option
@pass_settings
def add_operator(settings: Settings, name: str, role: Role, password_stdin: bool) -> None:
    """Add operator NAME.

    Asks for the password twice.
    """
    run_command(_add(settings, name, read_password(from_stdin=password_stdin), role))


@operator_commands.command("list")
@pass_settings
def list_operators(settings: Settings) -> None:
    """Print every operator: id, role, state, when added, name."""
    run_command(_list(settings))


@operator_commands.command("disable")
@click.argument("name", callback=checked_text)
@pass_settings
def disable_operator(settings: Settings, name: str) -> None:
    """Disable operator NAME.

    Open dashboards of the operator are signed out within a second. An admin can enable the operator again, on the
    dashboard.
    """
    run_command(_disable(settings, name))


@operator_commands.command("reset")
@click.argument("name", callback=checked_text)
@password_stdin_option
@pass_settings
def reset_operator(settings: Settings, name: str, password_stdin: bool) -> None:
    """Give operator NAME a new password.

    Asks for the password twice. Open dashboards of the operator are signed out within a second.
    """
    run_command(_reset(settings, name, read_password(from_stdin=password_stdin)))


async def _add(settings: Settings, name: str, password: str, role: Role) -> None:
    async with opened_stores(settings) as stores, opened_operator_auth(stores, settings) as operator_auth:
        operator = await operator_auth.add(name, password, role)
    say(f"added operator {operator.operator_id}, {printable(operator.name)} ({operator.role})")


async def _list(settings: Settings) -> None:
    async with opened_stores(settings) as stores:
        operators = await stores.operators.all()
    terminal = console()
    if terminal.is_terminal:
        terminal.print(_table(operators))
    else:
        for operator in operators:
            say("\t".join(_cells(operator)))


async def _disable(settings: Settings, name: str) -> None:
    async with opened_stores(settings) as stores, opened_operator_auth(stores, settings) as operator_auth:
        operator = await _named(name, stores)
        await operator_auth.change(operator.operator_id, disabled=True)
        await stores.notices.post("operator_changed", operator.operator_id, operator.operator_id)
    if operator.disabled:
        say(f"operator {operator.operator_id}, {printable(operator.name)}, was already disabled")
    else:
        say(f"disabled operator {operator.operator_id}, {printable(operator.name)}")


async def _reset(settings: Settings, name: str, password: str) -> None:
    async with opened_stores(settings) as stores, opened_operator_auth(stores, settings) as operator_auth:
        operator = await _named(name, stores)
        await operator_auth.change(operator.operator_id, password=password)
        await stores.notices.post("operator_changed", operator.operator_id, operator.operator_id)
    say(f"reset the password of operator {operator.operator_id}, {printable(operator.name)}")


async def _named(name: str, stores: Stores) -> Operator:
    found = await stores.operators.credentials(name)
    if found is None:
        raise click.ClickException(f"there is no operator {name}")
    return found[0]


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
        *cells, name = _cells(operator)
        table.add_row(*(Text(cell) for cell in (*cells, in_sentence(name))))
    return table
