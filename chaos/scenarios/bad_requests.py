"""Oversized requests, and upgrades with bad tokens."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter

from chaos.bad_input import BAD_FRAMES, HUGE_REQUESTS
from chaos.check import Check, at_least, at_most, none
from chaos.lab import ATTACKER, Lab
from chaos.raw_socket import RawSocket
from chaos.rest import LOCALHOST
from handlers.page_templates import COMPILE_AFTER_SECONDS

BAD_TOKENS = 2000
REFUSALS_AT_ONCE, REFUSALS_PER_SECOND = 200, 20.0


async def huge_requests(lab: Lab) -> list[Check]:
    """Requests, headers, tokens and frames are far too large: each is refused at once and memory barely grows."""
    server = lab.server()
    (attacker,) = await lab.attackers(server)
    victims = await lab.victims(server)
    await server.start()
    await asyncio.sleep(COMPILE_AFTER_SECONDS + 4)  # the compiled pages of the dashboard take some megabytes
    seconds: dict[str, float] = {}
    async with lab.beside(server, victims, signs_in=False) as watch:
        for kind, data in HUGE_REQUESTS.items():
            connection = await asyncio.open_connection(LOCALHOST, server.port, local_addr=(ATTACKER, 0))
            seconds[kind] = await _until_answered(*connection, data)
        raw = await RawSocket.of(server.port, attacker, source=ATTACKER)
        raw.writer.write(BAD_FRAMES["a 64-bit length"])
        seconds["a 64-bit length"] = await raw.seconds_until_closed(5)
        raw.end()
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of about twenty
    return [
        at_most("slowest refusal", 1000 * max(seconds.values()), 100, "ms"),
        at_most("memory growth", watch.meter.growth, 5, "MiB"),
        *watch.checks(),
    ]


async def bad_tokens(lab: Lab) -> list[Check]:
    """One address attempts two thousand upgrades with bad tokens: they are refused quickly, rate-limited, and never
    reach the store.
    """
    server = lab.server()
    victims = await lab.victims(server)
    await server.start()
    answered: Counter[int] = Counter()
    turn = asyncio.Semaphore(50)

    async def one(number: int) -> None:
        async with turn:
            raw = await RawSocket.open(server.port, f"/ws/feed?token=bad.token.{number}", source=ATTACKER)
            answered[raw.status] += 1
            raw.end()

    async with lab.beside(server, victims, signs_in=False) as watch:
        reads = await server.metric("rollcall_store_seconds_count", "find_one")
        began = time.monotonic()
        await asyncio.gather(*(one(number) for number in range(BAD_TOKENS)))
        seconds = time.monotonic() - began
        reads = await server.metric("rollcall_store_seconds_count", "find_one") - reads
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of about twenty
    allowed = REFUSALS_AT_ONCE + REFUSALS_PER_SECOND * seconds + 1
    lab.note(answered_429=answered[429])
    return [
        at_least("upgrades refused", BAD_TOKENS / seconds, 500, "/s"),
        at_most("refusals above the address's limit", max(0.0, answered[101] - allowed), 0),
        none("single-document reads from the store", reads),
        *watch.checks(),
    ]


async def _until_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> float:
    """Seconds until a 4xx, an upgrade that is closed again, or the connection's end; infinity for anything else."""
    began = time.monotonic()
    head = b""
    try:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                head = await reader.readline()
    except TimeoutError:
        return float("inf")
    finally:
        writer.transport.abort()
    is_refused = not head or b" 101 " in head or 400 <= int(head.split()[1]) < 500
    return time.monotonic() - began if is_refused else float("inf")
