"""One user opens and closes sockets as fast as possible."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from chaos.check import Check, at_most
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram
from chaos.raw_socket import RawSocket
from chaos.rest import Person

MINUTE, LONG = 60.0, 300.0
BACK_SECONDS = 30.0
GROWTH_MEBIBYTES, KEPT_MEBIBYTES = 60.0, 20.0
AT_ONCE = 16
CONNECTS_AT_ONCE, CONNECTS_PER_SECOND = 30, 2.0


async def churn(lab: Lab) -> list[Check]:
    """One user opens and closes sockets as fast as possible for a minute: connections are rate-limited, and the memory
    they used is released.
    """
    server = lab.server()
    (attacker,) = await lab.attackers(server)
    victims = await lab.victims(server)
    await server.start()
    duration = LONG if lab.is_long else MINUTE
    async with lab.beside(server, victims) as watch:
        answered = await _open_and_close(server, attacker, duration)
    began = time.monotonic()
    kept = watch.meter.kept
    while kept > KEPT_MEBIBYTES and time.monotonic() - began < BACK_SECONDS:
        await asyncio.sleep(0.5)
        kept = watch.meter.kept
    let_in = answered[101]
    lab.note(let_in=let_in, refused_429=answered[429], connects_per_second=sum(answered.values()) / duration)
    return [
        at_most("memory growth", watch.meter.growth, GROWTH_MEBIBYTES, "MiB"),
        at_most("memory growth remaining after 30 s", kept, KEPT_MEBIBYTES, "MiB"),
        at_most("connections accepted", let_in, CONNECTS_AT_ONCE + CONNECTS_PER_SECOND * (duration + 1)),
        *watch.checks(),
    ]


async def _open_and_close(server: ServerProgram, person: Person, duration: float) -> Counter[int]:
    """How often each status was received. Every other socket sends a close frame; the rest are reset."""
    answered: Counter[int] = Counter()
    end = time.monotonic() + duration

    async def go_on() -> None:
        while time.monotonic() < end:
            try:
                raw = await RawSocket.of(server.port, person, source=ATTACKER)
            except OSError:  # TimeoutError is one
                answered[0] += 1
                continue
            answered[raw.status] += 1
            if sum(answered.values()) % 2:
                raw.send(0x8, (1000).to_bytes(2, "big"))
                await asyncio.sleep(0)
            raw.end()

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    return answered
