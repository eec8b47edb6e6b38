from __future__ import annotations

import click


@click.command("watch")
def watch_command() -> None:
    """Feed."""
