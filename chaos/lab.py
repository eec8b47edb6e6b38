"""Lab: what a scenario works with on one store: servers, their users, and a victim that runs alongside."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.check import Check, none
from chaos.meter import MEBIBYTE, Meter
from chaos.program import ServerProgram
from chaos.rest import Person
from chaos.seeding import seed_people
from chaos.stores import Store
from chaos.victim import CLIENTS, PING_P99_MILLISECONDS, Report, Victim

ATTACKER = "127.0.0.2"
"""The local address that a hostile client connects from. The server counts each loopback address separately."""

QUIET_SECONDS = 1.0
"""How long the victim runs alone before the attack, twice: first until the server has all the memory that the victim
needs, then to measure that memory, so that it is not attributed to the attack."""


@dataclass
class Watch:
    """The victim and the meter of one attack. Complete once the attack is over."""

    meter: Meter
    _victim: Victim

    @property
    def victim(self) -> Report:
        return self._victim.report

    def checks(self, *, p99: float = PING_P99_MILLISECONDS) -> list[Check]:
        """What must hold for the victim."""
        return self._victim.report.checks(p99=p99)


class Lab:
    """Makes what a scenario needs, keeps its figures, and ends what it started."""

    def __init__(self, store: Store, folder: Path, *, is_long: bool = False) -> None:
        self.store = store
        self.folder = folder
        self.is_long = is_long
        self.figures: dict[str, float] = {}
        self.remarks: list[str] = []
        """Details that help to find the cause of a failure."""
        self._servers: list[ServerProgram] = []

    def server(
        self,
        *,
        open_files: int = 0,
        is_log_unread: bool = False,
        preload: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> ServerProgram:
        """A server on this scenario's store that has not been started yet, with some settings changed."""
        given = {**self.store.settings(), **settings}
        made = ServerProgram(self.folder, given, open_files=open_files, is_log_unread=is_log_unread, preload=preload)
        self._servers.append(made)
        return made

    async def people(self, server: ServerProgram, count: int, *, image: str | None = None) -> list[Person]:
        """Create users. Call it before the server starts, which would not notice them later. `image` is their
        picture's URL.
        """
        return await seed_people(server, count, image=image)

    async def attackers(self, server: ServerProgram, count: int = 1, *, password: str = "") -> list[Person]:
        """Users at the attacker's address, before the server starts."""
        return await seed_people(server, count, password=password, source=ATTACKER)

    async def victims(self, server: ServerProgram) -> list[Person]:
        """Users for a victim, before the server starts."""
        return await seed_people(server, CLIENTS, password=secrets.token_hex(12))

    @asynccontextmanager
    async def beside(
        self, server: ServerProgram, victims: Sequence[Person], *, signs_in: bool = True
    ) -> AsyncIterator[Watch]:
        """Run what is inside this context alongside a victim, and measure it."""
        async with Meter(server) as meter, Victim(server, victims, signs_in=signs_in) as victim:
            await asyncio.sleep(QUIET_SECONDS)
            meter.forget_least()
            await asyncio.sleep(QUIET_SECONDS)
            meter.begin()
            watch = Watch(meter, victim)
            yield watch
        self.figures |= meter.figures() | victim.report.figures()

    def note(self, **figures: float) -> None:
        """Record other measurements; `failed_sign_ins` is shown as "failed sign ins"."""
        self.figures |= {name.replace("_", " "): value for name, value in figures.items()}

    def no_complaints(self) -> Check:
        """The check that the servers logged no errors or tracebacks."""
        return none("errors and tracebacks logged", sum(server.complaints() for server in self._servers))

    async def close(self) -> None:
        """Record the resources that the servers used in total, stop them, and discard the store."""
        for server in self._servers:
            if server.is_running:
                self.figures |= {
                    "server's memory at most since its last start, MiB": server.most_resident_bytes() / MEBIBYTE,
                    "server's CPU since its last start, s": server.processor_seconds(),
                    "server's open files at the end": server.open_files(),
                    "server's log lines": server.log_lines(),
                }
            server.end()
        await self.store.close()
