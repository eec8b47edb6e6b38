"""Writer: a client that writes until the server is killed, and knows afterwards what must be there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

PAUSE_SECONDS = 0.1
"""How long a writer waits after being told that it writes too often."""

TOO_MANY = 429


class WriterAnswer(Protocol):
    """An HTTP answer, as far as a writer needs it."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> Any: ...
    @property
    def code(self) -> str | None: ...


class WriterApi(Protocol):
    """The REST API as one caller uses it."""

    async def get(self, path: str, **query: Any) -> WriterAnswer: ...
    async def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> WriterAnswer: ...
    async def put(self, path: str, body: Any) -> WriterAnswer: ...
    async def patch(self, path: str, body: Any) -> WriterAnswer: ...
    def with_token(self, token: str | None) -> WriterApi: ...


class WriterPerson(WriterApi, Protocol):
    """A user."""

    @property
    def user_id(self) -> int: ...


class Writer(Protocol):
    """Writes one thing after another. What was acknowledged is remembered, and what was under way."""

    count: int
    """Writes that were acknowledged."""

    async def write(self) -> None:
        """One more write. Raises OSError, or what the client raises, when the server is gone."""

    async def check(self) -> None:
        """After a restart: what was acknowledged is there; what was under way is, or isn't, but nothing else."""


async def is_refused(answer: WriterAnswer) -> bool:
    """Whether a write came too soon after the others, and was not carried out. A good client pauses then."""
    if answer.status != TOO_MANY:
        return False
    await asyncio.sleep(PAUSE_SECONDS)
    return True
