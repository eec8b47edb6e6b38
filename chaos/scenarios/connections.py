"""Connections that vanish, never finish, arrive by the thousand, or use up all open files."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import Any

from chaos.check import Check, at_most, exactly, none
from chaos.crowd import Member, all_ended, answers, enter, enter_all, upgrade_request
from chaos.lab import ATTACKER, Lab
from chaos.meter import Meter
from chaos.program import ServerProgram, until
from chaos.rest import LOCALHOST, Connection, Person
from chaos.victim import percentile

SILENT = 50
PING_SECONDS, PONG_SECONDS, GRACE_SECONDS = 2.0, 1.0, 2.0
"""Shorter than the defaults, so that the scenario does not take a minute."""

PINGED: dict[str, Any] = {
    "ping_interval_seconds": PING_SECONDS,
    "pong_timeout_seconds": PONG_SECONDS,
    "silent_socket_seconds": PING_SECONDS + PONG_SECONDS / 2,
    "grace_seconds": GRACE_SECONDS,
}
HANDSHAKES = 200
LORIS = 1000
HEADER_SECONDS = 10.0
ARRIVALS, SOCKETS_PER_USER = 5000, 10


async def vanished_peers(lab: Lab) -> list[Check]:
    """Fifty clients silently stop responding: each is dropped in time and announced as offline after the grace
    period.
    """
    server = lab.server(**PINGED)
    *people, watching = await lab.people(server, SILENT + 1)
    await server.start()
    watcher = await enter(server.port, watching, watches=True)
    entered: dict[Member, float] = {}
    for person in people:
        member = await enter(server.port, person, deaf=True)
        entered[member] = time.monotonic()
    await all_ended(entered)
    await until(lambda: len(_offline(watcher)) == SILENT, seconds=20)
    waited = time.monotonic() - max(member.closed_at for member in entered)
    slowest = max(member.closed_at - at for member, at in entered.items())
    return [
        at_most("time from connecting to being closed", slowest, PING_SECONDS + PONG_SECONDS + 1, "s"),
        none("closed with a code other than 4000", sum(member.close_code != 4000 for member in entered)),
        at_most("time from last close to last offline message", waited, GRACE_SECONDS + 1, "s"),
        exactly("announced as offline", len(_offline(watcher)), SILENT),
    ]


async def interrupted_handshakes(lab: Lab) -> list[Check]:
    """Two hundred clients disconnect at different points of the handshake: the server keeps no sockets, timers or
    files.
    """
    server = lab.server(grace_seconds=1.0)
    people = await lab.people(server, 20)
    await server.start()
    timers, files = await server.metric("rollcall_timers"), server.open_files()
    for number in range(HANDSHAKES):
        await asyncio.to_thread(_leave_early, server.port, people[number % len(people)], number)
    gone = await until(lambda: _has_no_sockets(server), seconds=10)

    async def all_offline() -> bool:
        statuses = [(await person.get("/users/me/status")).body for person in people]
        return not any(status["is_online"] for status in statuses)

    offline = await until(all_offline, seconds=10)
    for person in people:
        person.close()
    await asyncio.sleep(0.2)  # the server notices closed connections a moment later
    return [
        at_most("time until no socket is left", gone, 2, "s"),
        at_most("time until all users are offline", offline, 1 + 2, "s"),
        at_most("timers left", await server.metric("rollcall_timers") - timers, 0),
        at_most("open files left", server.open_files() - files, 2),
    ]


async def slow_loris(lab: Lab) -> list[Check]:
    """A thousand connections start a request and never finish it: they are closed in time, and a good client can still
    connect.
    """
    server = lab.server()
    await server.start()
    began = time.monotonic()
    connections = [
        await asyncio.open_connection(LOCALHOST, server.port, local_addr=(ATTACKER, 0)) for _ in range(LORIS)
    ]
    for _, writer in connections:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    ends = asyncio.gather(*(_end_of(reader) for reader, _ in connections))
    good: list[float] = []
    async with Meter(server) as meter:
        while not ends.done() and time.monotonic() - began < HEADER_SECONDS + 10:
            good.append(await _seconds_of_a_good_client(server))
            await asyncio.sleep(0.25)
    last = max(await ends) - began if ends.done() else float("inf")
    ends.cancel()
    for _, writer in connections:
        writer.transport.abort()
    lab.note(**{"memory growth": meter.growth})
    return [
        at_most("time until all of them are closed", last, HEADER_SECONDS + 1, "s"),
        at_most("good client's slowest connect and request", 1000 * max(good), 100, "ms"),
    ]


async def open_files(lab: Lab) -> list[Check]:
    """Idle connections use up every file the server may open: existing sockets are still served, and the server
    recovers at once.
    """
    server = lab.server(open_files=96, header_timeout_seconds=60)
    *people, late = await lab.people(server, 21)
    await server.start()
    members = await enter_all(server.port, people)
    idle = [socket.create_connection((LOCALHOST, server.port)) for _ in range(200)]
    served = 0
    try:
        async with Meter(server) as meter:
            for _ in range(6):
                served += sum(await asyncio.gather(*(answers(member) for member in members)))
                await asyncio.sleep(0.5)  # CPU usage is measured over several seconds
    finally:
        for each in idle:
            each.close()
    began = time.monotonic()
    newcomer = await enter(server.port, late)
    return [
        none("open sockets not served", 6 * len(members) - served),
        at_most("CPU", meter.cpu_percent, 20, "%"),
        at_most("log lines", meter.lines_per_second, 2, "/s"),
        at_most(
            "time until a new client is connected",
            time.monotonic() - began if newcomer.is_open else float("inf"),
            2,
            "s",
        ),
        none("open sockets lost", sum(not member.is_open for member in members)),
    ]


async def arrivals(lab: Lab) -> list[Check]:
    """Five thousand clients connect at once: all of them are connected within ten seconds."""
    server = lab.server()
    people = await lab.people(server, ARRIVALS // SOCKETS_PER_USER + 100)
    await server.start()
    here = await enter_all(server.port, people[ARRIVALS // SOCKETS_PER_USER :])
    coming = [person for person in people[: ARRIVALS // SOCKETS_PER_USER] for _ in range(SOCKETS_PER_USER)]
    began = time.monotonic()
    seconds = await asyncio.gather(*(_seconds_to_enter(server, person) for person in coming))
    arrived = [each for each in seconds if each < float("inf")]
    lab.note(median_seconds=percentile(arrived, 0.5))
    return [
        at_most("time until the last one is connected", time.monotonic() - began, 10, "s"),
        none("refused or lost", len(coming) - len(arrived)),
        none("open sockets lost", sum(not member.is_open for member in here)),
    ]


def _offline(watcher: Member) -> set[int]:
    """The users that a watcher was told are offline."""
    updates = watcher.told("user_status_update")[1:]
    return {update["user_id"] for update in updates if not update["status"]["is_online"]}


async def _seconds_to_enter(server: ServerProgram, person: Person) -> float:
    began = time.monotonic()
    try:
        await enter(server.port, person)
    except OSError:  # UpgradeRefused and TimeoutError are two
        return float("inf")
    return time.monotonic() - began


def _leave_early(port: int, person: Person, number: int) -> None:
    """Disconnect after a quarter, half, three quarters or all of the request, with a reset or a FIN."""
    token = person.token if number // 8 % 2 else "bad"
    request = upgrade_request(port, f"/ws/feed?token={token}")
    with socket.create_connection((LOCALHOST, port)) as peer:
        peer.sendall(request[: len(request) * (number % 4 + 1) // 4])
        if number % 8 < 4:
            # Linger for no time: closing resets the connection.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _has_no_sockets(server: ServerProgram) -> bool:
    return await server.metric("rollcall_sockets") == 0


async def _end_of(reader: asyncio.StreamReader) -> float:
    with contextlib.suppress(ConnectionError):
        await reader.read()
    return time.monotonic()


async def _seconds_of_a_good_client(server: ServerProgram) -> float:
    began = time.monotonic()
    connection = await Connection.open(server.port)
    answer = await connection.ask(server.api.encode("GET", "/healthz"))
    connection.close()
    return time.monotonic() - began if answer.status == 200 else float("inf")
