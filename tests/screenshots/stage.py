"""Stage: the servers whose pages are photographed, each started when the first state needs it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from tests.clients import Person
from tests.dashboard.site import QUICK, Site
from tests.program import ServerProgram
from tests.secrets_seen import SecretsSeen


def suffixes() -> Iterator[str]:
    """Return suffixes of two letters, none of them twice. They make the names of a server's users unique."""
    return map("".join, product(ascii_lowercase, repeat=2))


@dataclass
class Place:
    """A server, and what the paths and states of its pages need to know of it."""

    site: Site
    ids: dict[str, Any] = field(default_factory=dict)
    """Values of parameters in paths."""
    ending: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What to end before the server."""
    suffixes: Iterator[str] = field(default_factory=suffixes)
    """Those that no user's name has yet."""

    async def online(self, *names: str) -> list[Person]:
        """Register users who are available, with a suffix that makes their names unique."""
        suffix = next(self.suffixes)
        return await self.site.online(*[f"{name} {suffix}" for name in names])

    async def end(self) -> None:
        """End the server, after what ends before it."""
        try:
            await self.ending.aclose()
        finally:
            program = self.site.program
            if program.is_running:
                program.resume()
                try:
                    await program.stop()
                except subprocess.TimeoutExpired:
                    program.kill()


Furnish = Callable[[Place], Awaitable[None]]
"""Fills the store of a server and starts it."""

PLACES: dict[str, tuple[Furnish, dict[str, Any]]] = {}
"""How each server is prepared, and its settings, by name."""


def place(name: str, **settings: Any) -> Callable[[Furnish], Furnish]:
    """Define a server by the function that fills its store and starts it.

    A setting may be a function that is called before. What it starts is ended by the stack that it is given, after the
    server.
    """

    def define(furnish: Furnish) -> Furnish:
        assert name not in PLACES, f"two places are called {name}"
        PLACES[name] = (furnish, settings)
        return furnish

    return define


class Stage:
    """All servers that were started so far."""

    def __init__(self, folder: Path, seen: SecretsSeen, http: AsyncHTTPClient) -> None:
        self._folder = folder
        self._seen = seen
        self._http = http
        self._places: dict[str, asyncio.Task[Place]] = {}
        self._ending = AsyncExitStack()

    async def at(self, name: str) -> Place:
        """Return a server, started if necessary, also when the state before has stopped it."""
        if name not in self._places:
            self._places[name] = asyncio.create_task(self._start(name))
        found = await asyncio.shield(self._places[name])
        if not found.site.program.is_running:
            await found.site.program.start()
        return found

    async def stop(self) -> None:
        """Stop all servers."""
        await self._ending.aclose()

    async def _start(self, name: str) -> Place:
        furnish, settings = PLACES[name]
        given = {key: value(self._ending) if callable(value) else value for key, value in settings.items()}
        program = ServerProgram(self._folder / name, self._seen, self._http, **{**QUICK, **given})
        made = Place(Site(program, self._seen))
        self._ending.push_async_callback(made.end)  # also if it cannot be furnished
        await furnish(made)
        return made


@asynccontextmanager
async def opened_stage(folder: Path) -> AsyncIterator[Stage]:
    """Open a stage whose servers keep their data in a folder, and stop them at the end."""
    seen, http = SecretsSeen(), AsyncHTTPClient(force_instance=True, max_clients=500)
    stage = Stage(folder, seen, http)
    try:
        yield stage
    finally:
        await stage.stop()
        http.close()
        seen.close()
