"""Command: how one command of the command line runs, from its settings to its exit code."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import IO, Any, Concatenate, ParamSpec

import click
from argon2.exceptions import HashingError

from models.errors import RequestError, StoreUnavailable, UnusableStore
from models.jwt_secret import read_or_make_secret
from operation.output import is_text, printable
from settings import Settings, SettingsError, file_variable, flag, variable

P = ParamSpec("P")


class CommandFailed(click.ClickException):
    """Printed as `Error: …`, a line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self._problems = problems

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the problems, by default on standard error."""
        for problem in self._problems:
            click.echo(f"Error: {printable(problem)}", file=file or sys.stderr)


class CommandRefused(CommandFailed):
    """The command was not run, because of its arguments or the settings."""

    exit_code = 2


@contextmanager
def short_errors() -> Iterator[None]:
    """Turn every error that the person at the terminal can put right into one line that says how."""
    try:
        yield
    except (CommandFailed, click.exceptions.NoArgsIsHelpError):
        raise
    except click.NoSuchOption as error:
        raise CommandRefused([_secret_flag(error.option_name) or _with_hint(error)]) from None
    except click.UsageError as error:
        raise CommandRefused([_with_hint(error)]) from None
    except click.ClickException as error:
        raise CommandFailed([error.format_message()]) from None
    except SettingsError as error:
        raise CommandRefused(error.problems) from None


def pass_settings(
    function: Callable[Concatenate[Settings, P], None],
) -> Callable[P, None]:
    """Call a command with the settings. They are read now and not earlier, so that `--help` needs none."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        function(click.get_current_context().obj(), *args, **kwargs)

    return call


def checked_text(_context: click.Context, _param: click.Parameter, text: str) -> str:
    """An argument that is text. Python passes on bytes that the locale's encoding lacks. Raises BadParameter."""
    if not is_text(text):
        raise click.BadParameter("must be text in the locale's encoding")
    return text


def run_command(work: Awaitable[None]) -> None:
    """Run it to its end. Expected errors are raised as click's, which are printed without a traceback."""

    async def complete() -> None:
        await work

    try:
        asyncio.run(complete())
    except BrokenPipeError:
        raise  # click ends quietly on it
    except (StoreUnavailable, UnusableStore, RequestError) as error:
        raise click.ClickException(str(error)) from error
    except HashingError as error:
        advice = "set ROLLCALL_ARGON2_MEMORY_KIB, ROLLCALL_ARGON2_PASSES and ROLLCALL_ARGON2_LANES"
        raise click.ClickException(f"cannot hash passwords: {error}; {advice}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error


def with_secret(settings: Settings) -> Settings:
    """The settings with the signing key of the embedded store, if they give none. Raises SettingsError."""
    if settings.jwt_secret:
        return settings
    return dataclasses.replace(settings, jwt_secret=read_or_make_secret(settings.data_dir))


def _with_hint(error: click.UsageError) -> str:
    message = error.format_message()
    if not message.endswith((".", "?")):
        message += "."
    return f"{message} Try '{error.ctx.command_path} --help'." if error.ctx else message


def _secret_flag(option: str) -> str | None:
    """What to say of a flag that would be a secret's."""
    for each in dataclasses.fields(Settings):
        if each.metadata["secret"] and option == flag(each.name):
            return (
                f"{option} is not a flag, because everyone can read the process list; "
                f"set {variable(each.name)} or {file_variable(each.name)}"
            )
    return None
