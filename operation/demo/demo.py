"""Demo: made-up users who come, go, turn busy and call each other, and a visitor's token to watch them with."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import random
import secrets
import sys
import time
from datetime import UTC, datetime

import click
import structlog
from tornado.httpclient import AsyncHTTPClient

from models.errors import StoreUnavailable
from models.status import Claims
from models.stores import Stores
from models.tokens import Tokens
from operation.address import address_of
from operation.cli.command import opened_stores
from operation.cli.operators import ensure_operator
from operation.cli.user_file import UserFile, UserLine
from operation.cli.user_import import add_users
from operation.demo.demo_users import NAMES, OPERATOR, VISITOR
from operation.demo.scenario import Scenario
from operation.demo.simulated_user import REQUEST_ERRORS, SimulatedUser
from settings import Settings

VISITOR_HOURS = 8
"""Life of the token that is printed: a day of trying things out."""

KNOWN_SECONDS = 10.0
"""The server hears of new users within this; otherwise something is wrong with the store."""

SOCKETLESS = 6
"""One in so many of the made-up users has no socket and lives by heartbeats."""

FIRST_MEDDLE_SECONDS = 8.0
MEDDLE_SECONDS = 45.0
"""Between two traces of a hand in the store."""

PASSWORD_LENGTH = 16

_log = structlog.stdlib.get_logger("rollcall.demo")


class Demo:
    """A few clients of the server that runs in this process. `port` is where it listens."""

    def __init__(self, port: int, tokens: Tokens, settings: Settings) -> None:
        self._tokens = tokens
        self._settings = settings
        self._address = address_of(settings, port)
        self._http = AsyncHTTPClient(force_instance=True, max_clients=20)
        self._scenario: Scenario | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Make the users where they are missing, say how to look on, and begin. Raises StoreUnavailable."""
        async with opened_stores(self._settings) as stores:
            made = await _make_missing(stores, self._settings)
            ids = [await _id_of(stores, name) for name in (VISITOR, *NAMES)]
            password = _password_of_operator(self._settings)
            await ensure_operator(stores, self._settings, OPERATOR, password, "admin")
        users = [
            SimulatedUser(user_id, self._address, self._http, self._mint, uses_sockets=place % SOCKETLESS != 0)
            for place, user_id in enumerate(ids)
        ]
        if made:
            await asyncio.sleep(1.2 * self._settings.notice_interval_seconds)
        await _until_known(users[0])
        self._scenario = Scenario(users[1:], random.Random(), time.monotonic)  # noqa: S311  # nosec B311  (a play, no secret)
        self._tasks = [asyncio.create_task(self._go_on(self._scenario)), asyncio.create_task(self._meddle(ids[1:]))]
        self._invite(ids[0], password)

    async def stop(self) -> None:
        """All made-up users leave."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._scenario is not None:
            await self._scenario.end()
        self._http.close()

    async def _go_on(self, scenario: Scenario) -> None:
        try:
            await scenario.begin()
            await scenario.go_on()
        except Exception:
            _log.exception("the demo ended early")

    async def _meddle(self, user_ids: list[int]) -> None:
        """Now and then somebody writes to the store by hand, so that operators have something to repair."""
        wait = FIRST_MEDDLE_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = MEDDLE_SECONDS
            user_id = random.choice(user_ids)  # noqa: S311  (a play, no secret)
            with contextlib.suppress(StoreUnavailable):
                async with opened_stores(self._settings) as stores:
                    await stores.users.save_claims(user_id, Claims(set_busy=True), datetime.now(UTC))

    def _mint(self, user_id: int, life_seconds: int | None = None) -> str:
        life = self._settings.access_token_seconds if life_seconds is None else life_seconds
        return self._tokens.mint(user_id, secrets.token_hex(12), "access", life)[0]

    def _invite(self, visitor_id: int, password: str) -> None:
        """Say in plain words how to look on. The lines work as they stand, in another terminal in the same folder."""
        token = self._mint(visitor_id, VISITOR_HOURS * 3600)
        http, ws = self._address.http, self._address.ws
        command = f"{_from_here(sys.executable)} {_from_here(sys.argv[0])}"
        click.echo(
            f"\nThe demo is on: {http}\n{len(NAMES)} made-up users come, go, turn busy and call each other.\n\n"
            f"The operators' dashboard: {http}/admin\n\n  name      {OPERATOR}\n  password  {password}\n\n"
            f"A token for {VISITOR_HOURS} hours, of the user “{VISITOR}” (user_id {visitor_id}):\n\n  {token}\n\n"
            f"Watch them, in a second terminal in this folder:\n\n"
            f"  {command} watch --url {ws} --token {token}\n\n"
            f"Turn busy yourself, in a third, and see it arrive in the second:\n\n"
            f"  curl -X PUT {http}/users/me/status -d '{{\"is_busy\": true}}' -H 'Authorization: Bearer {token}'\n\n"
            f"The same with a WebSocket client of your own:\n\n"
            f"  npx wscat -c '{ws}/ws/feed?token={token}'\n\n"
            f"Ctrl-C ends it."
        )


def _password_of_operator(settings: Settings) -> str:
    """The same at each start, so that an open dashboard stays signed in; another one for each data directory."""
    digest = hmac.digest(settings.jwt_secret.encode(), f"password of {OPERATOR}".encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:PASSWORD_LENGTH]


def _from_here(path: str) -> str:
    """The path as one would type it in this folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


async def _make_missing(stores: Stores, settings: Settings) -> range:
    """The made-up users, and the visitor, as `user import` would make them: nobody can log in by a password."""
    missing = [name for name in (VISITOR, *NAMES) if await stores.users.credentials(name) is None]
    user_file = UserFile(list(range(1, len(missing) + 1)), [UserLine(name) for name in missing])
    return await add_users(stores, user_file, settings, hashed=lambda _: None, written=lambda _: None)


async def _id_of(stores: Stores, name: str) -> int:
    found = await stores.users.credentials(name)
    assert found is not None, "it was just made"
    return found[0]


async def _until_known(user: SimulatedUser) -> None:
    """Wait until the server, which looks for new users now and then, lets the player in."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            await user.ongoing()
        except REQUEST_ERRORS as error:
            if time.monotonic() > deadline:
                raise StoreUnavailable("the server did not hear of the demo's users") from error
            await asyncio.sleep(0.2)
        else:
            return
