"""Users on the command line."""

from __future__ import annotations

import click


@click.group("user")
def user_commands() -> None:
    """Accounts."""
