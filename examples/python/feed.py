"""Feed: an asyncio client that keeps every user's status and prints each change.

    pip install websockets
    TOKEN=… python examples/python/feed.py                      # `make run` prints a token
    USERNAME=ada PASSWORD=… python examples/python/feed.py      # for another server: ROLLCALL_URL=ws://localhost:9000

The client reconnects by itself with random delays, resumes where it stopped, and follows the close codes. To use it in
your app, copy `Feed` and pass it a function `get_token` that returns a valid access token each time. `Login` has one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SHORTEST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
SETTLED_SECONDS = 5.0
"""After a connection of this length, the delays start from the beginning."""

TOKEN_SECONDS = 10.0
"""How long to wait for a token."""

TOKEN_EXPIRED = 4401
MESSAGE_TOO_BIG = 1009
STAY_AWAY = 4500
"""From this close code on, a client must not reconnect until something has changed."""

Status = dict[str, Any]
Change = tuple[Status, str]
"""A status and why it changed. The reason is `snapshot` if it changed while the client was away.

With `removed`, it is the last status of a user who is gone.
"""


class TurnedAway(Exception):
    """The server refuses this client, for the reason given. A new login or a corrected program may help."""


class TokenError(Exception):
    """`get_token` failed or took too long."""


class Login:
    """Signs a user in, and gets a new token for each connection. `url` is http://host:port or https://host:port."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url
        self._body = {"username": username, "password": password}
        self._path = "/auth/login"

    async def get_token(self) -> str:
        """A new access token. Raises TurnedAway if the user has to sign in again, OSError without an answer."""
        pair = await asyncio.to_thread(self._post)
        # Keep the newest refresh token. An older one is accepted only while its answer may have been lost.
        self._path, self._body = "/auth/refresh", {"refresh_token": pair["refresh_token"]}
        token: str = pair["access_token"]
        return token

    def _post(self) -> dict[str, Any]:
        request = urllib.request.Request(self._url + self._path, json.dumps(self._body).encode())  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TOKEN_SECONDS) as response:  # noqa: S310
                pair: dict[str, Any] = json.load(response)
                return pair
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise TurnedAway("the name, the password or the login is not valid") from None
            raise


class Feed:
    """Keeps every user's status in `users`, by user id, during `async for status, reason in feed.changes()`.

    `url` is the server's address, as ws://host:port or wss://host:port.
    """

    def __init__(self, url: str, get_token: Callable[[], Awaitable[str]]) -> None:
        self._url = url
        self._get_token = get_token
        self.users: dict[int, Status] = {}
        self._epoch = ""
        """The numbering that `_since` belongs to. Empty while `users` is incomplete: then a snapshot comes."""
        self._since = 0
        """`users` includes every change up to this one."""
        self._coming_epoch = ""
        """The numbering of this connection. It becomes `_epoch` once `users` is complete."""
        self._pages: dict[int, tuple[int, Status | None]] = {}
        """An unfinished snapshot: user id to (seq of the status, status). None is a removed user."""
        self._own_is_due = False
        self._come_back_after: float | None = None
        """The delay in seconds that a restarting server asked for."""

    async def changes(self) -> AsyncIterator[Change]:
        """Every change, without end. Raises TurnedAway. If `get_token` fails, it is called again later."""
        failures = 0
        tokens_refused = 0
        while True:
            connected_at = None
            try:
                async with self._connect(await self._token()) as connection:
                    connected_at = asyncio.get_running_loop().time()
                    async for change in self._read(connection):
                        tokens_refused = 0
                        yield change
                    code, reason = connection.close_code, connection.close_reason
            except (OSError, WebSocketException, TimeoutError, TokenError) as error:
                code, reason = None, ""
                print(f"Not connected, trying again: {error}", file=sys.stderr)
            if code == TOKEN_EXPIRED and not tokens_refused:
                tokens_refused += 1
                continue  # with a new token
            if code in (TOKEN_EXPIRED, MESSAGE_TOO_BIG) or (code or 0) >= STAY_AWAY:
                raise TurnedAway(f"{code} {reason}".strip())
            if connected_at is not None and asyncio.get_running_loop().time() - connected_at > SETTLED_SECONDS:
                failures = 0
            await asyncio.sleep(self._pause(failures))
            failures += 1

    async def _token(self) -> str:
        """A token from the app's function, which may do anything but hang forever. Raises TokenError and TurnedAway."""
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                return await self._get_token()
        except TurnedAway:
            raise
        except Exception as error:
            raise TokenError(f"no token: {error!r}") from error

    def _pause(self, failures: int) -> float:
        """A random delay, so that a thousand clients of one server don't all return at the same moment."""
        if self._come_back_after is not None:
            return self._come_back_after
        longest = min(LONGEST_BACKOFF_SECONDS, SHORTEST_BACKOFF_SECONDS * 2**failures)
        return random.uniform(0, longest)  # noqa: S311  (not a secret)

    def _connect(self, token: str) -> connect:
        """The token goes into a header, because URLs end up in logs."""
        self._come_back_after = None
        query = urlencode({"epoch": self._epoch, "since": self._since})
        # The library sends a ping every 20 s and so detects a dead connection.
        return connect(
            f"{self._url}/ws/feed?{query}",
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=2**20,
        )

    async def _read(self, connection: ClientConnection) -> AsyncIterator[Change]:
        """The changes of one connection, until it is closed."""
        try:
            async for text in connection:
                for change in await self._take(json.loads(text), connection):
                    yield change
        except ConnectionClosed:
            return

    async def _take(self, message: dict[str, Any], connection: ClientConnection) -> list[Change]:
        """The changes in a message. Unknown types are ignored, because new ones may be added."""
        kind = message["type"]
        if kind == "connection_established":
            self._begin(message)
        elif kind == "user_status_update":
            return self._update(message)
        elif kind == "snapshot":
            return self._page(message)
        elif kind == "server_draining":
            self._come_back_after = message["reconnect_after_ms"] / 1000
        elif kind == "user_removed":
            return self._remove(message)
        elif kind == "token_expiring":
            await self._refresh(connection)
        elif kind == "error":
            print(f"{message['code']}: {message['message']}", file=sys.stderr)
        return []

    async def _refresh(self, connection: ClientConnection) -> None:
        """Hand over a new token. Without one, the connection ends when the current token does."""
        try:
            token = await self._token()
        except TokenError as error:
            print(f"The token was not renewed: {error}", file=sys.stderr)
        else:
            await connection.send(json.dumps({"type": "refresh", "token": token}))

    def _begin(self, message: dict[str, Any]) -> None:
        self._pages = {}
        self._own_is_due = message["user_id"] is not None  # a service key has no status
        if not message["resumed"]:
            self._epoch, self._since = "", 0
        self._coming_epoch = message["epoch"]

    def _update(self, message: dict[str, Any]) -> list[Change]:
        # The user's own status is sent first and out of order, so its seq says nothing about earlier changes.
        place = 0 if self._own_is_due else message["seq"]
        self._own_is_due = False
        self._since = max(self._since, place)
        if self._pages:
            self._pages[message["user_id"]] = (place, message["status"])
        return self._put(message["status"], message["reason"])

    def _remove(self, message: dict[str, Any]) -> list[Change]:
        """A user was deleted, or may no longer be seen. A later page of a snapshot may still have the user."""
        self._since = max(self._since, message["seq"])
        if self._pages:
            self._pages[message["user_id"]] = (message["seq"], None)
        before = self.users.pop(message["user_id"], None)
        return [(before, "removed")] if before else []

    def _page(self, message: dict[str, Any]) -> list[Change]:
        """A snapshot is complete with its last page. An update between two pages may be newer than the pages."""
        for status in message["users"]:
            known_at, _ = self._pages.get(status["user_id"], (0, None))
            if known_at <= message["seq"]:
                self._pages[status["user_id"]] = (message["seq"], status)
        if message["more"]:
            return []
        self._epoch, self._since = self._coming_epoch, max(self._since, message["seq"])
        pages, self._pages = self._pages, {}
        for user_id in self.users.keys() - pages.keys():
            del self.users[user_id]
        return [change for _, status in pages.values() if status for change in self._put(status, "snapshot")]

    def _put(self, status: Status, reason: str) -> list[Change]:
        """A new `last_seen` alone doesn't count as a change."""
        before = self.users.get(status["user_id"])
        self.users[status["user_id"]] = status
        is_news = before is None or {**before, "last_seen": ""} != {**status, "last_seen": ""}
        return [(status, reason)] if is_news else []


async def main() -> None:
    """Print a line for each change."""

    url = os.environ.get("ROLLCALL_URL", "ws://localhost:8000")

    async def given_token() -> str:
        return os.environ["TOKEN"]

    get_token = given_token
    if "PASSWORD" in os.environ:
        get_token = Login(url.replace("ws", "http", 1), os.environ["USERNAME"], os.environ["PASSWORD"]).get_token

    feed = Feed(url, get_token)
    async for status, reason in feed.changes():
        if reason == "removed":
            print(f"{status['username']} is gone", flush=True)
            continue
        word = "available" if status["is_available"] else "busy" if status["is_online"] else "offline"
        print(f"{status['username']} {word} ({reason})", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except TurnedAway as error:
        sys.exit(f"The server turned this client away: {error}")
    except KeyboardInterrupt:
        pass
