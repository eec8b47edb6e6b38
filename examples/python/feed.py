"""Feed: an asyncio client that keeps every user's status and prints each change. `make run` prints a token.

    pip install websockets
    TOKEN=… python examples/python/feed.py          # for another server: ROLLCALL_URL=ws://localhost:9000

The client reconnects by itself with random delays, resumes where it stopped, and follows the close codes. To use it in
your app, copy `Feed` and pass it a function `get_token` that returns a valid access token each time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SHORTEST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
SETTLED_SECONDS = 5.0
"""After a connection of this length, the delays start from the beginning."""

TOKEN_EXPIRED = 4401
MESSAGE_TOO_BIG = 1009
STAY_AWAY = 4500
"""From this close code on, a client must not reconnect until something has changed."""

Status = dict[str, Any]
Change = tuple[Status, str]
"""A status and why it changed. The reason is `snapshot` if it changed while the client was away."""


class TurnedAway(Exception):
    """The server refuses this client, for the reason given. A new login or a corrected program may help."""


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
        self._pages: dict[int, tuple[int, Status]] = {}
        """An unfinished snapshot: user id to (seq of the status, status)."""
        self._own_is_due = False
        self._come_back_after: float | None = None
        """The delay in seconds that a restarting server asked for."""

    async def changes(self) -> AsyncIterator[Change]:
        """Every change, without end. Raises TurnedAway."""
        failures = 0
        tokens_refused = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                async with self._connect(await self._get_token()) as connection:
                    async for change in self._read(connection):
                        tokens_refused = 0
                        yield change
                    code, reason = connection.close_code, connection.close_reason
            except (OSError, WebSocketException, TimeoutError) as error:
                code, reason = None, ""
                print(f"Not connected, trying again: {error}", file=sys.stderr)
            if code == TOKEN_EXPIRED and not tokens_refused:
                tokens_refused += 1
                continue  # with a new token
            if code in (TOKEN_EXPIRED, MESSAGE_TOO_BIG) or (code or 0) >= STAY_AWAY:
                raise TurnedAway(f"{code} {reason}".strip())
            if asyncio.get_running_loop().time() - started > SETTLED_SECONDS:
                failures = 0
            await asyncio.sleep(self._pause(failures))
            failures += 1

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
        elif kind == "token_expiring":
            await connection.send(json.dumps({"type": "refresh", "token": await self._get_token()}))
        elif kind == "error":
            print(f"{message['code']}: {message['message']}", file=sys.stderr)
        return []

    def _begin(self, message: dict[str, Any]) -> None:
        self._pages = {}
        self._own_is_due = True
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
        return [change for _, status in pages.values() for change in self._put(status, "snapshot")]

    def _put(self, status: Status, reason: str) -> list[Change]:
        """A new `last_seen` alone doesn't count as a change."""
        before = self.users.get(status["user_id"])
        self.users[status["user_id"]] = status
        is_news = before is None or {**before, "last_seen": ""} != {**status, "last_seen": ""}
        return [(status, reason)] if is_news else []


async def main() -> None:
    """Print a line for each change."""

    async def get_token() -> str:
        return os.environ["TOKEN"]

    feed = Feed(os.environ.get("ROLLCALL_URL", "ws://localhost:8000"), get_token)
    async for status, reason in feed.changes():
        word = "available" if status["is_available"] else "busy" if status["is_online"] else "offline"
        print(f"{status['username']} {word} ({reason})", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except TurnedAway as error:
        sys.exit(f"The server turned this client away: {error}")
    except KeyboardInterrupt:
        pass
