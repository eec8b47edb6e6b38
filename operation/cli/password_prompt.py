"""Password prompt: asks for a new password, or reads it from standard input."""

from __future__ import annotations

import sys

import click

from operation.output import is_text

password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it twice."
)


def read_password(*, from_stdin: bool) -> str:
    """The password, without byte order mark and line end.

    It is never an argument, because everyone can read the process list.
    """
    if from_stdin:
        text = sys.stdin.buffer.read().decode(errors="surrogateescape")
        password = text.removeprefix("\ufeff").rstrip("\r\n")
    else:
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt="Once more"))
    if not is_text(password):
        raise click.UsageError("the password is not text in the locale's encoding")
    if "\n" in password:
        raise click.UsageError("standard input has more than one line: give the password alone")
    return password
