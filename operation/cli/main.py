"""Command line: one flag for each setting that is no secret, and the commands."""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Awaitable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import click

from operation.cli.command import run_command, with_secret
from operation.cli.drill import drill_command
from operation.cli.help_page import RootCommand
from operation.cli.keys import key_commands
from operation.cli.operators import operator_commands
from operation.cli.users import user_commands
from operation.cli.watch import watch_command
from operation.output import set_up_output
from operation.settings_reader import parse, read_settings
from settings import Settings, flag, variable

HELP = """\
Rollcall tells every connected client who is available, busy or offline, and who is on a call. Without a command, it \
serves until SIGTERM, SIGINT or SIGHUP. Each setting is a flag and a variable: --port 9000 is ROLLCALL_PORT=9000, and \
the flag wins; defaults are in brackets. A secret is a variable or a file, never a flag, because everyone can read the \
process list."""

DEMO_DATA_DIR = Path("data/demo")


class Serving(Protocol):
    """The module that serves."""

    def serve(self, settings: Settings, *, demo: bool) -> Awaitable[None]:
        """Serve until a signal to stop."""


def command_line() -> None:
    """Run what the command line says; without a command, serve. Ends the process."""

    def run(context: click.Context, demo: bool, **flags: Any) -> None:
        context.obj = lambda: _settings(flags, demo=demo)
        if context.invoked_subcommand is None:
            run_command(_serving().serve(with_secret(context.obj()), demo=demo))
        gc.enable()  # commands need not start as fast as the server, which does this itself

    set_up_output()
    root = RootCommand(
        "server.py",
        help=HELP,
        params=[click.Option(["--demo"], is_flag=True, help="Serve a demo, with 60 made-up users.")],
        callback=click.pass_context(run),
        invoke_without_command=True,
        context_settings={"max_content_width": 110},
    )
    root.params.extend(_option(each) for each in dataclasses.fields(Settings) if not each.metadata["secret"])
    for command in (user_commands, key_commands, operator_commands, watch_command, drill_command):
        root.add_command(command)
    root.main(prog_name="server.py")


def _serving() -> Serving:
    """Import the server only now: that takes longer than most commands take as a whole."""
    return cast("Serving", import_module("operation.serving"))


def _option(each: dataclasses.Field[Any]) -> click.Option:
    """The flag of a setting. Its type is the default's."""

    def convert(_context: click.Context, _param: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else parse(text, each.default)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return click.Option([flag(each.name)], callback=convert, help=each.metadata["help"])


def _settings(flags: dict[str, Any], *, demo: bool) -> Settings:
    """The settings that variables, files and flags give; `with_secret` completes them. Raises SettingsError."""
    given = {name: value for name, value in flags.items() if value is not None}
    if demo and "data_dir" not in given and variable("data_dir") not in os.environ:
        given["data_dir"] = DEMO_DATA_DIR
    return read_settings(os.environ, given)
