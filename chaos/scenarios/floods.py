"""Floods on sockets: frames without end, and readers that don't read."""

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
"""Within this the socket must be closed."""

FLOOD_MEBIBYTES = 10.0
FLOOD_PING_MILLISECONDS = 50.0
PONGS = 50_000
TRICKLING_USERS, SOCKETS_PER_USER = 20, 10


async def flood_of_messages(lab: Lab) -> list[Check]:
    """Twenty thousand commands on one socket: it is closed, and others do not notice."""
    return await _flood(lab, FLOODS["messages"][0])


async def flood_of_pings(lab: Lab) -> list[Check]:
    """A hundred thousand pings on one socket that reads nothing: it is closed, and others do not notice."""
    return await _flood(lab, FLOODS["control pings"][0])


async def flood_of_fragments(lab: Lab) -> list[Check]:
    """A hundred thousand empty fragments of one message: the socket is closed, and others do not notice."""
    return await _flood(lab, FLOODS["empty fragments"][0])


async def odd_frames(lab: Lab) -> list[Check]:
    """Pongs that nobody asked for, pings, empty fragments, and frames without a mask: counted, limited, closed."""
    server = lab.server()
    attackers = await lab.attackers(server, 4)
    victims = await lab.victims(server)
    await server.start()
    pings = frame(0x9, b"x") * PONGS
    floods = {
        "pongs nobody asked for": frame(0xA, b"x") * PONGS,
        "pings": pings,
        "empty fragments": frame(0x1, final=False) + frame(0x0, final=False) * (FRAGMENTS // 2),
    }
    seconds: dict[str, float] = {}
    async with lab.beside(server, victims, signs_in=False) as watch:
        for person, (kind, flood) in zip(attackers, floods.items(), strict=False):
            seconds[kind] = await _until_closed(server, person, flood)
        raw = await RawSocket.of(server.port, attackers[3], source=ATTACKER)
        raw.send(0x1, b'{"type":"ping"}', masked=False)
        seconds["a frame without a mask"] = await raw.seconds_until_closed(5)
        raw.end()
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of some twenty
    return [
        *(at_most(f"{kind}: until the socket is closed", value, FLOOD_SECONDS, "s") for kind, value in seconds.items()),
        at_most("memory growth", watch.meter.growth, FLOOD_MEBIBYTES, "MiB"),
        *watch.checks(),
    ]


async def trickle_of_fragments(lab: Lab) -> list[Check]:
    """Two hundred sockets send messages in fragments of one byte: they are closed, and others do not notice."""
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
        await asyncio.sleep(1)  # so that the victim's slowest ping is one of some twenty
    return [
        at_most("until all of them are closed", seconds, FLOOD_SECONDS, "s"),
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
        await asyncio.sleep(2)  # so that the victim's slowest ping is one of some sixty
    return [
        at_most("until the socket is closed", seconds, FLOOD_SECONDS, "s"),
        at_most("memory growth", watch.meter.growth, FLOOD_MEBIBYTES, "MiB"),
        *watch.checks(p99=FLOOD_PING_MILLISECONDS),
    ]


async def _until_closed(server: ServerProgram, person: Person, flood: bytes) -> float:
    """Seconds from the first byte of a flood, of which no answer is read, until the server has closed the socket."""
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
