"""Errand: what one command of the command line does, from the settings to the exit code."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import click

from models.database import open_database
from models.errors import RequestError, StoreUnavailable
from models.jwt_secret import read_or_make_secret
from models.stores import Stores, open_stores
from models.tokens import Tokens
from settings import Settings, SettingsError


def run_command(work: Awaitable[None]) -> None:
    """Run it to its end; what the operator can mend is said in words."""

    async def complete() -> None:
        await work

    try:
        asyncio.run(complete())
    except BrokenPipeError:
        raise  # click ends quietly on it
    except (StoreUnavailable, RequestError, OSError) as error:
        raise click.ClickException(str(error)) from error


def with_secret(settings: Settings) -> Settings:
    """The settings completed by the secret of the embedded store, where they name none."""
    if settings.jwt_secret:
        return settings
    try:
        return dataclasses.replace(settings, jwt_secret=read_or_make_secret(settings.data_dir))
    except (OSError, SettingsError) as error:
        raise click.ClickException(f"cannot use the secret in {settings.data_dir}: {error}") from error


def tokens_of(settings: Settings) -> Tokens:
    """What mints and verifies tokens under these settings."""
    return Tokens(
        settings.jwt_secret,
        settings.token_issuer,
        settings.token_audience,
        now=time.time,
        new_id=lambda: secrets.token_hex(12),
    )


@asynccontextmanager
async def opened_stores(settings: Settings) -> AsyncIterator[Stores]:
    """The stores that the settings name, also while a server is at work on them. Raises StoreUnavailable."""
    database = await open_database(settings)
    try:
        yield await open_stores(database, settings)
    finally:
        await database.close()
