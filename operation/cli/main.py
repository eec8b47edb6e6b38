"""Command line: one flag for each setting, and the commands of operation."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol

import click

from operation.cli.command import run_command, with_secret
from operation.cli.operators import operator_commands
from operation.cli.users import user_commands
from operation.cli.watch import watch_command
from settings import Settings, SettingsError, parse, read_settings, variable


class Serve(Protocol):
    """Serves until it is told to stop."""

    def __call__(self, settings: Settings, *, demo: bool) -> Awaitable[None]: ...


def command_line(serve: Serve) -> None:
    """Run what the command line says; without a command, serve. Ends the process."""

    def run(context: click.Context, demo: bool, **flags: Any) -> None:
        context.obj = _settings(flags, demo=demo)
        if context.invoked_subcommand is None:
            run_command(serve(with_secret(context.obj), demo=demo))

    group = click.Group(
        "server.py",
        help="Rollcall: who is available, busy or offline, and who is on a call, as it happens. Without a command "
        "it serves until it gets SIGTERM. Each option is a variable too, named in brackets.",
        params=[click.Option(["--demo"], is_flag=True, help="Serve with 60 made-up users who come, go and call.")],
        callback=click.pass_context(run),
        invoke_without_command=True,
        context_settings={"max_content_width": 110},
    )
    group.params.extend(_option(each) for each in dataclasses.fields(Settings))
    group.add_command(user_commands)
    group.add_command(operator_commands)
    group.add_command(watch_command)
    group.main(prog_name="server.py")


def _option(each: dataclasses.Field[Any]) -> click.Option:
    """The flag of a setting. Its type is the default's."""
    default = each.default
    flag = f"--{each.name.replace('_', '-')}"
    shown = ", ".join(default) if isinstance(default, tuple) else default
    help = f"{each.metadata['help']} [{variable(each.name)}; default: {shown if shown not in ('', ()) else 'none'}]"

    def convert(_context: click.Context, _param: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else parse(text, default)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    metavar = "SECRET" if each.metadata["secret"] else type(default).__name__.upper().replace("POSIXPATH", "DIR")
    return click.Option([flag], help=help, callback=convert, metavar=metavar)


def _settings(flags: dict[str, Any], *, demo: bool) -> Settings:
    """What variables and flags say; see `with_secret` for what is missing when they name no secret."""
    given = {name: value for name, value in flags.items() if value is not None}
    if demo and "data_dir" not in given and variable("data_dir") not in os.environ:
        given["data_dir"] = Path("data/demo")
    try:
        return read_settings(os.environ, given)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"settings: {problem}", err=True)
        sys.exit(2)
