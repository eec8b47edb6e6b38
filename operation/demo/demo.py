"""Demo: made-up users who come, go, turn busy and call each other, and a token to watch them with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import sys
import time
from datetime import UTC, datetime

import structlog
from tornado.httpclient import AsyncHTTPClient

from models.errors import Outdated, StoreUnavailable
from models.status import Claims
from models.stores import opened_stores
from models.tokens import Tokens
from operation.address import address_of
from operation.demo.accounts import ensure_demo_operator, ensure_users
from operation.demo.demo_users import NAMES, OPERATOR, VISITOR
from operation.demo.phone import for_phones, network_address
from operation.demo.scenario import Scenario
from operation.demo.simulated_user import REQUEST_ERRORS, SimulatedUser
from operation.output import say
from operation.tasks import end_tasks
from realtime.presence.registry import Registry
from settings import Settings

VISITOR_HOURS = 8
"""Lifetime of the token that is printed: a day of trying things out."""

KNOWN_SECONDS = 10.0
"""The server finds new users within this time; otherwise something is wrong with the store."""

SOCKETLESS = 6
"""One in this many of the made-up users has no socket and sends heartbeats."""

FIRST_MEDDLE_SECONDS = 8.0
MEDDLE_SECONDS = 45.0
"""Time between two changes made to the store behind the server's back."""

_log = structlog.stdlib.get_logger("rollcall.demo")


class Demo:
    """Clients of the server that runs in this process and listens on `port`."""

    def __init__(self, port: int, tokens: Tokens, settings: Settings, registry: Registry) -> None:
        self._tokens = tokens
        self._registry = registry
        self._settings = settings
        self._address = address_of(settings, port)
        self._network_address = network_address(settings, port)
        self._http = AsyncHTTPClient(force_instance=True, max_clients=20)
        self._scenario: Scenario | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Create missing users, begin, and print how to watch. Raises StoreUnavailable."""
        async with opened_stores(self._settings) as stores:
            ids, some_are_new = await ensure_users(stores)
            password = await ensure_demo_operator(stores, self._settings)
        users = [
            SimulatedUser(user_id, self._address, self._http, self._mint, uses_sockets=place % SOCKETLESS != 0)
            for place, user_id in enumerate(ids)
        ]
        if some_are_new:
            await asyncio.sleep(1.2 * self._settings.notice_interval_seconds)
        await _until_known(users[0])
        self._scenario = Scenario(users[1:], random.Random(), time.monotonic)  # noqa: S311  # nosec B311  (not a secret)
        self._tasks = [asyncio.create_task(self._go_on(self._scenario)), asyncio.create_task(self._meddle(ids[1:]))]
        self._invite(ids[0], password)

    async def stop(self) -> None:
        """Let all made-up users leave."""
        await end_tasks(self._tasks)
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
        """Write to the store now and then, as if by hand, so that operators have something to repair."""
        wait = FIRST_MEDDLE_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = MEDDLE_SECONDS
            user_id = random.choice(user_ids)  # noqa: S311  (not a secret)
            with contextlib.suppress(StoreUnavailable, Outdated):
                async with opened_stores(self._settings) as stores:
                    user = await stores.users.get(user_id)
                    rev = user.rev if user else 0
                    await stores.users.save_claims(user_id, Claims(set_busy=True), datetime.now(UTC), rev=rev)

    def _mint(self, user_id: int, life_seconds: int | None = None) -> str:
        life = self._settings.access_token_seconds if life_seconds is None else life_seconds
        entry = self._registry.find(user_id)
        version = entry.record.token_version if entry else 0  # an operator may have signed the user out everywhere
        return self._tokens.mint(user_id, secrets.token_hex(12), "access", life, version)[0]

    def _invite(self, visitor_id: int, password: str) -> None:
        """Print how to watch. The lines work as printed, in another terminal in the same folder."""
        token = self._mint(visitor_id, VISITOR_HOURS * 3600)
        http, ws = self._address.http, self._address.ws
        command = f"{_from_here(sys.executable)} {_from_here(sys.argv[0])}"
        say(
            f"\nThe demo runs at {http}\n{len(NAMES)} made-up users come, go, turn busy and call each other.\n\n"
            f"The operators' dashboard: {http}/admin\n\n  name      {OPERATOR}\n  password  {password}\n\n"
            f'A token for the user "{VISITOR}" (user_id {visitor_id}), valid for {VISITOR_HOURS} hours:\n\n'
            f"  {token}\n\n"
            f"Watch everyone, in a second terminal in this folder:\n\n"
            f"  echo {token} | {command} watch --url {ws} --token -\n\n"
            f"Turn busy yourself, in a third terminal, and see it in the second:\n\n"
            f"  curl -X PUT {http}/users/me/status -d '{{\"is_busy\": true}}' -H 'Authorization: Bearer {token}'\n\n"
            f"Or watch with a WebSocket client of your own:\n\n"
            f"  npx wscat -c '{ws}/ws/feed?token={token}'\n\n"
            + (f"{for_phones(self._network_address, token)}\n" if self._network_address else "")
            + "Ctrl-C ends it."
        )


def _from_here(path: str) -> str:
    """The path as typed in this folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


async def _until_known(user: SimulatedUser) -> None:
    """Wait until the server, which looks for new users periodically, accepts this one."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            await user.ongoing()
        except REQUEST_ERRORS as error:
            if time.monotonic() > deadline:
                raise StoreUnavailable("the server did not find the demo's users") from error
            await asyncio.sleep(0.2)
        else:
            return
