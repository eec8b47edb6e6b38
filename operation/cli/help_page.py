"""Help page: the root command, which prints its commands first and then the settings by group."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import click

from operation.cli.command import short_errors
from settings import file_variable, flag, groups, variable

Row = tuple[str, str]
"""A name, and what it means."""

NAME_COLUMNS = 32
"""Enough for the longest flag."""


class RootCommand(click.Group):
    """`python server.py`. All errors below it are short."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """See click."""
        with short_errors():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        with short_errors():
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, the few options that are not settings, then the settings."""
        self.format_commands(ctx, formatter)
        settings = [each for fields in groups().values() for each in fields]
        names = {each.name for each in settings}
        options = [each.get_help_record(ctx) for each in self.get_params(ctx) if each.name not in names]
        _section(formatter, "Options", [row for row in options if row])
        for group, fields in groups().items():
            _section(formatter, group.capitalize(), [row for each in fields for row in _rows(each)])


def _section(formatter: click.HelpFormatter, title: str, rows: list[Row]) -> None:
    with formatter.section(title):
        formatter.write_dl(rows, col_max=NAME_COLUMNS)


def _rows(each: dataclasses.Field[Any]) -> Iterator[Row]:
    if each.metadata["secret"]:
        yield variable(each.name), each.metadata["help"]
        yield file_variable(each.name), f"File that holds {variable(each.name)}, instead of the variable."
    else:
        default = _default(each.default)
        yield flag(each.name), f"{each.metadata['help']} [{default}]" if default else each.metadata["help"]


def _default(value: object) -> str:
    """The default as one would type it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
