"""Accounts: endless registrations and sign-ins, guessing from a whole network, and attempts to lock out an owner."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from chaos.check import Check, at_least, at_most, exactly
from chaos.dashboard_client import DashboardClient
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram
from chaos.raw_socket import RawSocket
from chaos.rest import LOCALHOST, Answer, Api, Person
from chaos.seeding import seed_operator

SECONDS = 8.0
AT_ONCE = 16
REGISTRATIONS_AT_ONCE, REGISTRATIONS_PER_SECOND = 50, 1.0
SIGN_INS_AT_ONCE, SIGN_INS_PER_SECOND = 100, 5.0

PROXY = "127.0.0.9"
NETWORK = "2001:db8:1:2"
REFUSED_UPGRADES = 400
REFUSALS_AT_ONCE, REFUSALS_PER_SECOND = 200, 20.0
WRONG_SIGN_INS, FAILURES_PER_ADDRESS = 60, 20
TICKETS, OPEN_TICKETS = 40, 20

ELSEWHERE = [f"127.0.1.{number}" for number in range(1, 31)]
GUESSES = 5
"""Wrong passwords tried from each address: as many as one address may try on one account."""

GUESSING = 6
"""Addresses that guess at the same time: few enough that the queue for password checks does not overflow."""

OWNER_SECONDS = 5.0
"""How long the owner may be delayed: an account-wide limit only slows sign-ins down."""


async def registrations(lab: Lab) -> list[Check]:
    """One address registers accounts nonstop: it is rate-limited before any password is hashed."""
    api = Api(0, None, ATTACKER)

    async def register() -> Answer:
        return await api.post("/auth/register", {"username": secrets.token_hex(8), "password": secrets.token_hex(8)})

    answered, checks = await _without_end(lab, api, register)
    allowed = REGISTRATIONS_AT_ONCE + REGISTRATIONS_PER_SECOND * (SECONDS + 1)
    return [at_most("accounts created", answered[201], allowed), *checks]


async def sign_ins(lab: Lab) -> list[Check]:
    """One address signs in nonstop with the right password: it is rate-limited before any password is hashed."""
    api = Api(0, None, ATTACKER)
    password = secrets.token_hex(8)
    names: list[str] = []

    async def sign_in() -> Answer:
        return await api.post("/auth/login", {"username": names[0], "password": password})

    async def before(server: ServerProgram) -> None:
        names.extend(person.username for person in await lab.attackers(server, password=password))

    answered, checks = await _without_end(lab, api, sign_in, before)
    allowed = SIGN_INS_AT_ONCE + SIGN_INS_PER_SECOND * (SECONDS + 1)
    return [at_most("sign-ins carried out", answered[200], allowed), *checks]


async def one_network(lab: Lab) -> list[Check]:
    """Bad tokens, wrong passwords and ticket requests come from many addresses in one IPv6 network: the limits treat
    the network as a single client.
    """
    server = lab.server(trusted_proxies=(PROXY,))
    (collector,) = await lab.attackers(server)
    named = await lab.attackers(server, WRONG_SIGN_INS, password=secrets.token_hex(8))
    victims = await lab.victims(server)
    await server.start()
    async with lab.beside(server, victims) as watch:
        began = time.monotonic()
        upgrades = await _refused_upgrades(server)
        allowed = REFUSALS_AT_ONCE + REFUSALS_PER_SECOND * (time.monotonic() - began) + 1
        failures = await _wrong_sign_ins(named)
        redeemed = await _tickets_that_work(server, collector)
    return [
        at_most("refused upgrades above the network's limit", max(0.0, upgrades[101] - allowed), 0),
        at_most("passwords checked for the network", failures[401], FAILURES_PER_ADDRESS),
        at_most("working tickets of one user", redeemed, OPEN_TICKETS),
        at_least("working tickets of one user, minimum", redeemed, 1),
        *watch.checks(),
    ]


async def lock_out(lab: Lab) -> list[Check]:
    """Thirty addresses try wrong passwords for a known user and a known operator: the real owners can still sign in."""
    server = lab.server()
    password = secrets.token_hex(8)
    (owner,) = await lab.attackers(server, password=password)
    await seed_operator(server, "root", password, "admin")
    victims = await lab.victims(server)
    await server.start()
    async with lab.beside(server, victims) as watch:
        turn = asyncio.Semaphore(GUESSING)
        await asyncio.gather(*(_guess(server, owner, source, turn) for source in ELSEWHERE))
        at_home = owner.from_address(LOCALHOST)
        user_seconds = await _until_in(at_home.sign_in, 200)
        browser = DashboardClient(server.port)
        operator_seconds = await _until_in(lambda: browser.sign_in("root", password), 303)
        there = [await owner.from_address(source).sign_in() for source in ELSEWHERE[:3]]
    return [
        at_most("time until the owner is signed in", user_seconds, OWNER_SECONDS, "s"),
        at_most("time until the operator is signed in", operator_seconds, OWNER_SECONDS, "s"),
        exactly("guessing addresses locked out, of three sampled", sum(each.status == 429 for each in there), 3),
        *watch.checks(),
    ]


async def _without_end(
    lab: Lab,
    api: Api,
    ask: Callable[[], Awaitable[Answer]],
    before: Callable[[ServerProgram], Awaitable[None]] | None = None,
) -> tuple[Counter[int], list[Check]]:
    """Send the same request over and over. Returns how often each status was received, and the victim's checks."""
    server = lab.server()
    api.port = server.port
    if before is not None:
        await before(server)
    victims = await lab.victims(server)
    await server.start()
    answered: Counter[int] = Counter()
    end = 0.0

    async def go_on() -> None:
        while time.monotonic() < end:
            try:
                answered[(await ask()).status] += 1
            except OSError:  # TimeoutError is one
                answered[0] += 1

    async with lab.beside(server, victims) as watch:
        end = time.monotonic() + SECONDS
        await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    lab.note(**{f"answered {status}": count for status, count in sorted(answered.items())})
    return answered, watch.checks()


async def _refused_upgrades(server: ServerProgram) -> Counter[int]:
    """Upgrades with bad tokens, each from a different address in the network."""
    answered: Counter[int] = Counter()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turn:
            raw = await RawSocket.open(
                server.port,
                f"/ws/feed?token=bad.token.{number}",
                source=PROXY,
                headers=f"X-Forwarded-For: {NETWORK}::{number + 1:x}\r\n",
            )
            answered[raw.status] += 1
            raw.end()

    await asyncio.gather(*(one(number) for number in range(REFUSED_UPGRADES)))
    return answered


async def _wrong_sign_ins(people: list[Person]) -> Counter[int]:
    """Wrong passwords, all at once, each for a different user and from a different address in the network."""
    answered: Counter[int] = Counter()

    async def one(number: int, person: Person) -> None:
        headers = {"X-Forwarded-For": f"{NETWORK}:1::{number + 1:x}"}
        body = {"username": person.username, "password": "a wrong password"}
        while True:
            answer = await Api(person.port, None, PROXY).post("/auth/login", body, headers)
            if answer.status != 503:
                break
            await asyncio.sleep(0.2)  # the password queue is full: this password was not checked
        answered[answer.status] += 1

    await asyncio.gather(*(one(number, person) for number, person in enumerate(people)))
    return answered


async def _tickets_that_work(server: ServerProgram, person: Person) -> int:
    """Request more tickets than a user may hold, then use all of them. Returns how many open a socket."""
    tickets: list[str] = []
    for _ in range(TICKETS):
        answer = await person.post("/auth/ticket")
        if answer.status == 200:
            tickets.append(answer.body["ticket"])
    used = 0
    for ticket in tickets:
        raw = await RawSocket.open(server.port, f"/ws/feed?ticket={ticket}", source=ATTACKER)
        if raw.status == 101:
            _, payload = await raw.read_frame()
            used += b"connection_established" in payload
        raw.end()
    return used


async def _guess(server: ServerProgram, owner: Person, source: str, turn: asyncio.Semaphore) -> None:
    """Try wrong passwords from one address, for the user and for the operator."""
    person = owner.from_address(source)
    browser = DashboardClient(server.port, source)
    async with turn:
        for number in range(GUESSES):
            await person.sign_in(f"wrong-{number}")
            await browser.sign_in("root", f"wrong-{number}")


async def _until_in(sign_in: Callable[[], Awaitable[Answer]], wanted: int) -> float:
    """Seconds until a sign-in with the right password works, retrying when the server says; infinity if none does."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) <= OWNER_SECONDS:
        answer = await sign_in()
        if answer.status == wanted:
            return time.monotonic() - began
        wait = float(answer.headers.get("retry-after", "1"))
        if waited + wait > OWNER_SECONDS:
            return math.inf
        await asyncio.sleep(wait)
    return math.inf
