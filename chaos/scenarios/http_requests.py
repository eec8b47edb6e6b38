"""One client's requests: pages of a long history, odd URLs, made-up words, and a log that nobody reads."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from chaos.check import Check, at_least, at_most, exactly, none
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram, until
from chaos.raw_socket import RawSocket
from chaos.rest import Answer, Api, Person
from chaos.seeding import seed_calls

SECONDS = 8.0
AT_ONCE = 20
REQUESTS_AT_ONCE, REQUESTS_PER_SECOND = 60, 20.0

CALLS, CALLED = 50_000, 50
STAND_IN_CALLS = 5_000
"""Fewer, because the stand-in for MongoDB scans all documents where MongoDB uses an index."""

READY_SECONDS = 10.0
PAGES, COUNTED = 100, 10_000

URL_CHARACTERS = 15_000
PATH_CHARACTERS = 200
URL_MILLISECONDS = 20.0
LOG_BURST = 200
LINES_PER_SECOND = 50.0
"""What the server logs of one kind: a burst, and then so many lines per second."""

WORDS = 300
METRICS_BYTES = 4096
SERIES = 30
"""Allows for close codes and message types that the server knows but had not counted before."""

LOUD_SECONDS = 8.0
PIPE_BYTES = 64 * 1024

ODD_URLS: dict[str, Callable[[int], str]] = {
    "the beginning of a token": lambda size: "/" + "eyJ" * (size // 3),
    "a token without an end": lambda size: "/eyJ" + "a" * size,
    "tokens in the query": lambda size: "/users/me?" + "token=" * (size // 6),
    "bearers": lambda size: "/" + "bearer%20" * (size // 9),
    "colons and slashes": lambda size: "/" + "://a" * (size // 4),
    "slashes": lambda size: "/" * size,
    "dots": lambda size: "/static/" + "../" * (size // 3),
    "percents": lambda size: "/" + "%25" * (size // 3),
}


async def long_history(lab: Lab) -> list[Check]:
    """One user pages through a history of 50,000 calls, twenty requests at a time: the requests are rate-limited, and
    slow reads do not hold up other clients.
    """
    server = lab.server()
    (attacker,) = await lab.attackers(server)
    count = STAND_IN_CALLS if lab.store.is_stand_in else CALLS
    await seed_calls(server, attacker, await lab.people(server, CALLED), count)
    victims = await lab.victims(server)
    await server.start()
    breaker: list[float] = []

    async def ask() -> Answer:
        kind = random.choice(({}, {"status": "completed"}, {"call_type": "audio"}))
        return await attacker.get("/calls/history", page=random.randint(1, PAGES), per_page=100, **kind)

    async with lab.beside(server, victims) as watch:
        watching = asyncio.create_task(_watch_breaker(server, breaker))
        answered = await _go_on(ask)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    await until(server.is_ready, seconds=READY_SECONDS)
    beyond = await attacker.get("/calls/history", page=PAGES + 1, per_page=100)
    first = await attacker.get("/calls/history", per_page=100)
    lab.note(calls=count, **{f"answered {status}": times for status, times in sorted(answered.items())})
    return [
        at_most("pages answered", answered[200], REQUESTS_AT_ONCE + REQUESTS_PER_SECOND * (SECONDS + 1)),
        none("pages answered with neither 200 nor 429", sum(answered.values()) - answered[200] - answered[429]),
        none("times the store was seen as down", sum(breaker)),
        exactly("status for a page after the hundredth", beyond.status, 400),
        at_most("calls counted", first.body["total"] if first.status == 200 else float("inf"), COUNTED),
        *watch.checks(),
    ]


async def odd_urls(lab: Lab) -> list[Check]:
    """URLs of 15,000 characters contain all kinds of text that looks like a token: they take little work, and the log
    keeps short paths and a bounded rate of lines.
    """
    server = lab.server()
    victims = await lab.victims(server)
    await server.start()
    api = Api(server.port, None, ATTACKER)
    alone = {kind: await _least_milliseconds(api, make(URL_CHARACTERS)) for kind, make in ODD_URLS.items()}

    async def ask() -> Answer:
        return await api.get(random.choice(list(ODD_URLS.values()))(URL_CHARACTERS))

    async with lab.beside(server, victims) as watch:
        answered = await _go_on(ask)
    slowest = max(alone, key=lambda kind: alone[kind])
    lab.remarks.append(f"slowest: {slowest}")
    lab.note(requests_per_second=sum(answered.values()) / SECONDS)
    return [
        at_most("slowest kind of URL, requested alone", alone[slowest], URL_MILLISECONDS, "ms"),
        at_most("longest path in the log", _longest_path(server), PATH_CHARACTERS, "characters"),
        at_most("log lines", watch.meter.lines, LOG_BURST + LINES_PER_SECOND * watch.meter.seconds),
        at_most("memory growth", watch.meter.growth, 20, "MiB"),
        *watch.checks(),
    ]


async def own_words(lab: Lab) -> list[Check]:
    """Clients make up close codes, methods, paths and message types: /metrics keeps none of them."""
    server = lab.server()
    attackers = await lab.attackers(server, 20)
    victims = await lab.victims(server)
    await server.start()
    api = Api(server.port, None, ATTACKER)
    async with lab.beside(server, victims) as watch:
        await asyncio.sleep(1)  # by now the victim's own requests and messages have been counted
        before = await server.metrics()
        for number in range(WORDS):
            await _close_with(server, attackers[number % len(attackers)], 3000 + number)
            await api.request(f"VERB{number}", "/healthz")
            await api.get(f"/path-{number}", **{f"name-{number}": number})
        for person in attackers:
            await _say_unknown(server, person)
        await asyncio.sleep(1)
        after = await server.metrics()
    return [
        at_most("growth of /metrics, in bytes", len(after) - len(before), METRICS_BYTES),
        at_most("growth of /metrics, in series", _series(after) - _series(before), SERIES),
        *watch.checks(),
    ]


async def unread_log(lab: Lab) -> list[Check]:
    """Nobody reads the server's standard error while clients make it log a lot: requests are still answered."""
    server = lab.server(is_log_unread=True)
    victims = await lab.victims(server)
    await server.start()
    api = Api(server.port, None, ATTACKER)
    answered = 0
    async with lab.beside(server, victims) as watch:
        end = time.monotonic() + LOUD_SECONDS
        while time.monotonic() < end:
            try:
                async with asyncio.timeout(1):
                    answered += (await api.get("/nothing-here-" + "x" * 180)).status == 404
            except OSError:  # TimeoutError is one
                continue
    # The log line for such a request has about 400 bytes, so these fill the pipe several times over.
    return [
        at_least("requests answered", answered, 4 * PIPE_BYTES // 400),
        *watch.checks(),
    ]


async def _go_on(ask: Callable[[], Awaitable[Answer]]) -> Counter[int]:
    """Send requests as fast as answers arrive, twenty at a time. Returns how often each status was received."""
    answered: Counter[int] = Counter()
    end = time.monotonic() + SECONDS

    async def go_on() -> None:
        while time.monotonic() < end:
            try:
                answered[(await ask()).status] += 1
            except OSError:  # TimeoutError is one
                answered[0] += 1

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    return answered


async def _watch_breaker(server: ServerProgram, seen: list[float]) -> None:
    while True:
        await asyncio.sleep(0.25)
        seen.append(await server.metric("rollcall_breaker_open"))


async def _least_milliseconds(api: Api, url: str) -> float:
    """The best of five attempts, because other programs use the machine too."""
    times: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        await api.get(url)
        times.append(time.monotonic() - began)
    return 1000 * min(times)


def _longest_path(server: ServerProgram) -> int:
    longest = 0
    with server.log.open(encoding="utf-8", errors="replace") as log:
        for line in log:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            longest = max(longest, len(str(event.get("path", ""))))
    return longest


async def _close_with(server: ServerProgram, person: Person, code: int) -> None:
    raw = await RawSocket.of(server.port, person, source=ATTACKER)
    raw.send(0x8, code.to_bytes(2, "big") + b"my own reason")
    await raw.seconds_until_closed(2)
    raw.end()


async def _say_unknown(server: ServerProgram, person: Person) -> None:
    """Send messages of types that do not exist, as many as one user may send at once."""
    raw = await RawSocket.of(server.port, person, source=ATTACKER)
    for number in range(WORDS // 20):
        raw.send(0x1, json.dumps({"type": f"type-{person.user_id}-{number}", f"key-{number}": 1}).encode())
    await raw.seconds_until_closed(0.2)
    raw.end()


def _series(metrics: str) -> int:
    return sum(not line.startswith("#") for line in metrics.splitlines())
