"""Site: a server with operators of each role, for browsers to visit."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, StorageState

from models.operators import ROLES
from models.status import Claims
from models.stores import Stores, opened_stores
from operation.operator_accounts import ensure_operator
from tests.clients import Person, Socket
from tests.program import ServerProgram
from tests.secrets_seen import SecretsSeen

QUICK: dict[str, Any] = {
    "grace_seconds": 0.3,
    "clean_close_seconds": 0.1,
    "hold_seconds": 5.0,
    "heartbeat_life_seconds": 3600.0,
    "call_lease_seconds": 3600.0,
    "store_deadline_seconds": 1.2,
    "inspect_interval_seconds": 1.3,
    "notice_interval_seconds": 0.1,
    "save_interval_seconds": 0.1,
    "sample_interval_seconds": 0.5,
    "reconnect_spread_seconds": 0.1,
    "flapping_changes": 1000,
    "announcements_per_second": 1000,
    "command_burst": 100_000,
    "commands_per_second": 100_000.0,
    "drain_seconds": 0.5,
}
"""Short waits, and limits too high to interfere."""


class Site:
    """A server that restarts on the same data. Operators are named after their role; `second` is another operator."""

    def __init__(self, program: ServerProgram, seen: SecretsSeen) -> None:
        self.program = program
        self.seen = seen
        self.passwords = {name: secrets.token_hex(16) for name in (*ROLES, "second")}
        self._states: dict[str, StorageState] = {}
        for password in self.passwords.values():
            seen.note(password)

    @property
    def origin(self) -> str:
        scheme = "https" if self.program.settings.tls_certificate else "http"
        return f"{scheme}://127.0.0.1:{self.program.port}"

    async def start(self) -> None:
        """Create the operators if they don't exist yet, and start the server."""
        async with self.stores() as stores:
            for name, password in self.passwords.items():
                role = "operator" if name == "second" else name
                await ensure_operator(stores, self.program.settings, name, password, role)  # type: ignore[arg-type]
        await self.program.start()

    def stores(self) -> AbstractAsyncContextManager[Stores]:
        """Open the stores from outside the server."""
        return opened_stores(self.program.settings)

    async def set_busy_in_store(self, person: Person) -> None:
        """Make a user busy behind the server's back."""
        async with self.stores() as stores:
            user = await stores.users.get(person.user_id)
            assert user is not None
            await stores.users.save_claims(person.user_id, Claims(set_busy=True), datetime.now(UTC), rev=user.rev)

    async def person(self, username: str) -> Person:
        """Register a new user."""
        return await self.program.register(username)

    async def online(self, *usernames: str) -> list[Person]:
        """Register new users who are available."""
        people = [await self.person(username) for username in usernames]
        for each in people:
            await heartbeat(each)
        return people

    @asynccontextmanager
    async def connected(self, person: Person) -> AsyncIterator[Socket]:
        """Open a socket as this user."""
        async with await Socket.open(self.feed_url(person)) as socket:
            yield await socket.settle()

    def feed_url(self, person: Person) -> str:
        """Return the URL to which this user's app connects."""
        return f"ws://127.0.0.1:{self.program.port}/ws/feed?token={person.token}"

    async def sign_in(self, page: Page, name: str) -> None:
        """Submit the sign-in form and wait for the page that follows."""
        await page.goto(f"{self.origin}/admin/login")
        await page.get_by_label("Operator").fill(name)
        await page.get_by_label("Password").fill(self.passwords[name])
        async with page.expect_navigation():
            await page.get_by_role("button", name="Sign in").click()

    async def sign_out(self, page: Page) -> None:
        """Sign out by the account menu, which is on every page."""
        await page.goto(f"{self.origin}/admin/audit")
        await page.get_by_role("button", name=re.compile("viewer|operator|admin|second")).click()
        async with page.expect_navigation():
            await page.get_by_role("button", name="Sign out", exact=True).click()

    async def signed_in(self, browser: Browser, name: str) -> StorageState:
        """Return the cookies of an operator, who signs in only once."""
        if name not in self._states:
            context = await browser.new_context()
            await self.sign_in(await context.new_page(), name)
            self._states[name] = await context.storage_state()
            await self._note_cookies(context)
            await context.close()
        return self._states[name]

    async def _note_cookies(self, context: BrowserContext) -> None:
        for cookie in await context.cookies():
            if cookie.get("name", "").endswith(("rollcall", "rollcall_operator")):
                self.seen.note(cookie.get("value", ""))


async def heartbeat(person: Person) -> None:
    """Send a heartbeat for a user."""
    answer = await person.post("/users/me/heartbeat")
    assert answer.status == 200, answer.body


async def call(caller: Person, callee: Person) -> str:
    """Start a call and return its id."""
    answer = await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "audio"})
    assert answer.status == 200, answer.body
    call_id: str = answer.body["call_id"]
    return call_id
