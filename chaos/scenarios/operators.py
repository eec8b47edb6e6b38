"""An operator with a hundred tabs whose actions are all refused."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter

from chaos.check import Check, at_most, exactly, none
from chaos.dashboard_client import DashboardClient
from chaos.lab import ATTACKER, Lab
from chaos.raw_socket import RawSocket
from chaos.rest import Person
from chaos.seeding import seed_operator

TABS, SOCKETS_PER_OPERATOR = 130, 100
SECONDS = 6.0
AT_ONCE = 20
REFUSED_AT_ONCE, REFUSED_PER_SECOND = 60, 20.0


async def tabs_and_refusals(lab: Lab) -> list[Check]:
    """A dashboard viewer opens 130 tabs and keeps requesting actions that viewers may not take: both are limited."""
    server = lab.server()
    password = secrets.token_hex(8)
    for name, role in (("viewer", "viewer"), ("admin", "admin")):
        await seed_operator(server, name, password, role)  # type: ignore[arg-type]
    targets = await lab.people(server, 200)
    victims = await lab.victims(server)
    await server.start()
    viewer, admin = DashboardClient(server.port, ATTACKER), DashboardClient(server.port)
    assert (await viewer.sign_in("viewer", password)).status == 303
    assert (await admin.sign_in("admin", password)).status == 303
    async with lab.beside(server, victims) as watch:
        tabs = [raw for raw in [await viewer.open_socket() for _ in range(TABS)] if await _is_let_in(raw)]
        others = await admin.open_socket()
        is_let_in = await _is_let_in(others)
        readers = [asyncio.create_task(_read_on(raw)) for raw in [*tabs, others]]
        answered = await _ask_on(viewer, targets)
        for reader in readers:
            reader.cancel()
    lab.note(answered_403=answered[403], answered_429=answered[429])
    return [
        at_most("sockets of one operator", len(tabs), SOCKETS_PER_OPERATOR),
        exactly("other operator's sockets accepted", is_let_in, 1),
        at_most("refused actions recorded", answered[403], REFUSED_AT_ONCE + REFUSED_PER_SECOND * (SECONDS + 1)),
        none("actions carried out or failed", sum(answered.values()) - answered[403] - answered[429]),
        *watch.checks(),
    ]


async def _ask_on(viewer: DashboardClient, targets: list[Person]) -> Counter[int]:
    """Keep requesting actions that a viewer may not take. Returns how often each status was received."""
    answered: Counter[int] = Counter()
    end = time.monotonic() + SECONDS

    async def go_on() -> None:
        while time.monotonic() < end:
            target = str(secrets.choice(targets).user_id)
            fields = {"action": "force_offline", "reason": "because", "user_id": target}
            fields["request_id"] = secrets.token_hex(8)
            answer = await viewer.post("/admin/actions", fields, {"Accept": "application/json"})
            is_by_role = answer.status != 403 or answer.code == "ROLE_TOO_LOW"
            answered[answer.status if is_by_role else 0] += 1

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    return answered


async def _is_let_in(raw: RawSocket) -> bool:
    if raw.status != 101:
        return False
    opcode, _ = await raw.read_frame()
    return opcode == 0x1


async def _read_on(raw: RawSocket) -> None:
    """Read what is sent and answer pings, as an open tab does."""
    while True:
        try:
            opcode, payload = await raw.read_frame()
        except TimeoutError:
            continue
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        if opcode == 0x9:
            raw.send(0xA, payload)
