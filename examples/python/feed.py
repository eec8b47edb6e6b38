"""Feed: a client in asyncio that keeps everyone's status, and prints each change. `make run` prints a token.

    pip install websockets
    TOKEN=… python examples/python/feed.py          # ROLLCALL_URL=ws://localhost:9000 for another server

It comes back by itself with full jitter, resumes where it was, and does what each close code asks for. To keep it in an
app: copy `Feed`, and give it a `get_token` that answers a good access token each time it is asked.
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
"""Connected this long, the next failure is the first again."""

TOKEN_EXPIRED = 4401
MESSAGE_TOO_BIG = 1009
STAY_AWAY = 4500
"""Close codes from here on: don't come back until something has changed."""

Status = dict[str, Any]
Change = tuple[Status, str]
"""A status and why it changed; `snapshot` when it was learnt after an absence."""


class TurnedAway(Exception):
    """The server does not want this client back; says why. A new login, or a corrected program, may help."""


class Feed:
    """Everyone's status, by user id, in `users`: `async for status, reason in feed.changes()` keeps it.

    `url` is the server's, as ws://host:port or wss://host:port.
    """

    def __init__(self, url: str, get_token: Callable[[], Awaitable[str]]) -> None:
        self._url = url
        self._get_token = get_token
        self.users: dict[int, Status] = {}
        self._epoch = ""
        """The numbering that `_since` belongs to; empty while the picture isn't whole, so that a snapshot comes."""
        self._since = 0
        """Up to this change the picture is complete."""
        self._coming_epoch = ""
        """The numbering of this connection, to be `_epoch` once the picture is whole."""
        self._pages: dict[int, tuple[int, Status]] = {}
        """A snapshot that is still coming in: by user id how new a status is, and the status."""
        self._own_is_due = False
        self._come_back_after: float | None = None
        """Seconds; what a server that is being restarted asked of this client."""

    async def changes(self) -> AsyncIterator[Change]:
        """Each change as it is told, for ever. Raises TurnedAway."""
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
                continue  # with a new one
            if code in (TOKEN_EXPIRED, MESSAGE_TOO_BIG) or (code or 0) >= STAY_AWAY:
                raise TurnedAway(f"{code} {reason}".strip())
            if asyncio.get_running_loop().time() - started > SETTLED_SECONDS:
                failures = 0
            await asyncio.sleep(self._pause(failures))
            failures += 1

    def _pause(self, failures: int) -> float:
        """Full jitter: of a thousand clients that lost one server, no two come back together."""
        if self._come_back_after is not None:
            return self._come_back_after
        longest = min(LONGEST_BACKOFF_SECONDS, SHORTEST_BACKOFF_SECONDS * 2**failures)
        return random.uniform(0, longest)  # noqa: S311  (no secret)

    def _connect(self, token: str) -> connect:
        """The token goes in a header: a URL is written into logs."""
        self._come_back_after = None
        query = urlencode({"epoch": self._epoch, "since": self._since})
        # Its own pings, each 20 s, notice a connection that died without a word.
        return connect(
            f"{self._url}/ws/feed?{query}",
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=2**20,
        )

    async def _read(self, connection: ClientConnection) -> AsyncIterator[Change]:
        """What one connection tells, until it is closed."""
        try:
            async for text in connection:
                for change in await self._take(json.loads(text), connection):
                    yield change
        except ConnectionClosed:
            return

    async def _take(self, message: dict[str, Any], connection: ClientConnection) -> list[Change]:
        """The changes that a message means. Types that are not known here are passed over, as new ones may come."""
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
        # The own status comes first, ahead of what was missed, so it says nothing about how far the picture is.
        place = 0 if self._own_is_due else message["seq"]
        self._own_is_due = False
        self._since = max(self._since, place)
        if self._pages:
            self._pages[message["user_id"]] = (place, message["status"])
        return self._put(message["status"], message["reason"])

    def _page(self, message: dict[str, Any]) -> list[Change]:
        """Whole when the last page is there. An update between two pages may be newer than what they say."""
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
        """`last_seen` alone is no change."""
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
