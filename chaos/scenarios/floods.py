"""Floods on sockets: endless frames, from clients that may not read the answers."""

from __future__ import annotations

import asyncio
import time

from chaos.bad_input import FLOODS, FRAGMENTS
from chaos.check import Check, at_most
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram, until
from chaos.raw_frames import frame
from chaos.raw_socket import RawSocket
from chaos.rest import Person

FLOOD_SECONDS = 2.0
"""The socket must be closed within this time."""

FLOOD_MEBIBYTES = 10.0
FLOOD_PING_MILLISECONDS = 50.0
PONGS = 50_000
TRICKLING_USERS, SOCKETS_PER_USER = 20, 10


async def flood_of_messages(lab: Lab) -> list[Check]:
    """One socket sends twenty thousand commands: it is closed, and other clients do not notice."""
    return await _flood(lab, FLOODS["messages"][0])


async def flood_of_pings(lab: Lab) -> list[Check]:
    """One socket sends a hundred thousand pings and reads nothing: it is closed, and other clients do not notice."""
    return await _flood(lab, FLOODS["control pings"][0])


async def flood_of_fragments(lab: Lab) -> list[Check]:
    """One socket sends a message in a hundred thousand empty fragments: it is closed, and other clients do not
    notice.
    """
    return await _flood(lab, FLOODS["empty fragments"][0])


async def odd_frames(lab: Lab) -> list[Check]:
    """Sockets send unsolicited pongs, pings, empty fragments and unmasked frames: they are closed in time, and other
    clients do not notice.
    """
    server = lab.server()
    attackers = await lab.attackers(server, 4)
    victims = await lab.victims(server)
    await server.start()
    pings = frame(0x9, b"x") * PONGS
    floods = {
        "unsolicited pongs": frame(0xA, b"x") * PONGS,
        "pings": pings,
        "empty fragments": frame(0x1, final=False) + frame(0x0, final=False) * (FRAGMENTS // 2),
    }
    seconds: dict[str, float] = {}
    async with lab.beside(server, victims, signs_in=False) as watch:
        for person, (kind, flood) in zip(attackers, floods.items(), strict=False):
            seconds[kind] = await _until_closed(server, person, flood)
        raw = await RawSocket.of(server.port, attackers[3], source=ATTACKER)
        raw.send(0x1, b'{"type":"ping"}', masked=False)
        seconds["an unmasked frame"] = await raw.seconds_until_closed(5)
        raw.end()
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of about twenty
    return [
        *(at_most(f"{kind}: time until closed", value, FLOOD_SECONDS, "s") for kind, value in seconds.items()),
        at_most("memory growth", watch.meter.growth, FLOOD_MEBIBYTES, "MiB"),
        *watch.checks(),
    ]


async def trickle_of_fragments(lab: Lab) -> list[Check]:
    """Two hundred sockets send messages in one-byte fragments: they are closed, and other clients do not notice."""
    server = lab.server()
    attackers = await lab.attackers(server, TRICKLING_USERS)
    victims = await lab.victims(server)
    await server.start()
    flood = frame(0x1, b"x", final=False) + frame(0x0, b"x", final=False) * 500
    async with lab.beside(server, victims, signs_in=False) as watch:
        sockets = [
            await RawSocket.of(server.port, person, source=ATTACKER)
            for person in attackers
            for _ in range(SOCKETS_PER_USER)
        ]
        began = time.monotonic()
        for raw in sockets:
            raw.writer.write(flood)
        await asyncio.gather(*(raw.seconds_until_closed(10) for raw in sockets))
        seconds = time.monotonic() - began
        for raw in sockets:
            raw.end()
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of about twenty
    return [
        at_most("time until all of them are closed", seconds, FLOOD_SECONDS, "s"),
        at_most("memory growth", watch.meter.growth, FLOOD_MEBIBYTES, "MiB"),
        *watch.checks(p99=FLOOD_PING_MILLISECONDS),
    ]


async def _flood(lab: Lab, flood: bytes) -> list[Check]:
    server = lab.server()
    (attacker,) = await lab.attackers(server)
    victims = await lab.victims(server)
    await server.start()
    async with lab.beside(server, victims, signs_in=False) as watch:
        seconds = await _until_closed(server, attacker, flood)
        await asyncio.sleep(2)  # so that the victim's slowest ping is one of about sixty
    return [
        at_most("time until the socket is closed", seconds, FLOOD_SECONDS, "s"),
        at_most("memory growth", watch.meter.growth, FLOOD_MEBIBYTES, "MiB"),
        *watch.checks(p99=FLOOD_PING_MILLISECONDS),
    ]


async def _until_closed(server: ServerProgram, person: Person, flood: bytes) -> float:
    """Seconds from the first byte of a flood until the server closes the socket. No answers are read."""
    before = await server.metric("rollcall_closes_total")
    raw = await RawSocket.of(server.port, person, source=ATTACKER)
    raw.stop_reading()
    sending = asyncio.create_task(raw.send_all(flood))

    async def is_closed() -> bool:
        return await server.metric("rollcall_closes_total") > before

    seconds = await until(is_closed, seconds=10)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    raw.end()
    return seconds
