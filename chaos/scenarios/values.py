"""Values that pass validation but could break arithmetic later, and deceptive names."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.check import Check, at_most, exactly, none
from chaos.crowd import enter
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram, until
from chaos.raw_socket import RawSocket
from chaos.rest import Api, Person
from chaos.seeding import change_user

END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
LARGEST_ID = 2**63 - 1
BUSY_SECONDS = 3.0

FAR_DATES = (
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
)  # fmt: skip
"""Dates that a client can send and the server must refuse: too far ahead, too long ago, or outside the valid years."""

REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", f"/users/{LARGEST_ID}/presence", None),
    ("GET", f"/users/{10**400}/presence", None),
    ("GET", f"/users/presence?user_ids={LARGEST_ID},{2**64}", None),
    ("GET", f"/feed/users?page={10**18}&per_page=100", None),
    ("GET", f"/feed/users?q={'%F4%8F%BF%BF' * 64}", None),
    ("GET", f"/calls/history?page={2**63}", None),
    ("POST", "/calls/start", {"callee_id": LARGEST_ID, "call_type": "audio"}),
    ("POST", "/calls/end", {"call_id": "f" * 64}),
    ("PATCH", "/users/me", {"profile_image_url": "https://x/" + "y" * 2000}),
)

MESSAGES = (
    {"type": "ping", "timestamp": 10**300},
    {"type": "ping", "timestamp": "9" * 3000},
    {"type": "subscribe", "subscription": "presence", "user_ids": [LARGEST_ID, 1], "snapshot": True},
    {"type": "subscribe", "subscription": "presence", "user_ids": [2**64]},
    {"type": "heartbeat"},
)

REFUSED_NAMES: dict[str, str] = {
    "turned around": "\u202enimda",
    "an isolate": "ad\u2066min",
    "no width": "\u200b",
    "a word joiner": "ad\u2060min",
    "a soft hyphen": "ad\u00admin",
    "a joiner between Latin letters": "ad\u200dmin",
    "nothing but a filler": "\u3164",
    "nothing but a blank pattern": "\u2800",
    "nothing but a joiner": "\u200d",
    "tags": "admin\U000e0041\U000e0042",
    "a byte order mark": "\ufeffadmin",
    "a line separator": "ad\u2028min",
    "a control character": "ad\u0085min",
    "a space before": " admin",
    "a wide space after": "admin\u3000",
    "too long": "x" * 65,
}

GOOD_NAMES = (
    "José", "Ναταλία", "山田太郎", "नमस्ते", "می\u200cخواهم", "👩\u200d👩\u200d👧 family", "O'Brien-Smith", "x" * 64,
    "שלום",
)  # fmt: skip

SAME_NAMES = (
    ("demo user", "ｄｅｍｏ user"), ("straße", "STRASSE"), ("ﬁn", "fin"), ("Zoe\u0308", "Zoë"), ("Ω mega", "Ω mega"),
)  # fmt: skip
"""Pairs of names of which only the first may be registered."""


async def late_arithmetic(lab: Lab) -> list[Check]:
    """Clients send extreme dates, ids and text, and the store already holds an extreme date: nothing breaks."""
    server = lab.server()
    (attacker, broken), (waiting,) = await lab.attackers(server, 2), await lab.people(server, 1)
    await change_user(server, broken, {"set_busy": True, "busy_until": END_OF_TIME})
    victims = await lab.victims(server)
    await server.start()
    async with lab.beside(server, victims) as watch:
        accepted = [await _sets_busy_until(attacker, date) for date in FAR_DATES]
        statuses = [await _ask(attacker, *request) for request in REQUESTS]
        await _say(server, attacker, f"since={2**62}&epoch={'x' * 300}")
        await _say(server, broken, "since=-1&epoch=")
        late = await _seconds_late(waiting)
    server.send_signal(signal.SIGTERM)
    status = await server.ended()
    seconds = await server.start()
    watcher = await enter(server.port, waiting)
    return [
        none("out-of-range dates accepted", sum(accepted)),
        none("requests answered with 5xx", sum(status >= 500 for status in statuses)),
        at_most("delay in ending another user's busy_until", late, 1, "s"),
        exactly("exit code on shutdown", status, 0),
        at_most("time until the server is ready again", seconds, 3, "s"),
        exactly("sockets accepted afterwards", watcher.is_open, 1),
        *watch.checks(),
    ]


async def odd_names(lab: Lab) -> list[Check]:
    """Users register names that are invisible, look like another name or reverse the text around them: they are
    refused.
    """
    server = lab.server()
    victims = await lab.victims(server)
    await server.start()
    api = Api(server.port, None, ATTACKER)
    async with lab.beside(server, victims) as watch:
        taken_in = [kind for kind, name in REFUSED_NAMES.items() if await _register(api, name) != 400]
        turned_away = [name for name in GOOD_NAMES if await _register(api, name) != 201]
        twins = [pair for pair in SAME_NAMES if [await _register(api, name) for name in pair] != [201, 409]]
    lab.remarks += [f"accepted: {kind}" for kind in taken_in] + [f"refused: {name!a}" for name in turned_away]
    lab.remarks += [f"both accepted, or neither: {first!a}, {second!a}" for first, second in twins]
    return [
        none(f"bad names accepted, of {len(REFUSED_NAMES)}", len(taken_in)),
        none(f"good names refused, of {len(GOOD_NAMES)}", len(turned_away)),
        none(f"duplicate names handled wrongly, of {len(SAME_NAMES)}", len(twins)),
        *watch.checks(),
    ]


async def _sets_busy_until(person: Person, date: str) -> bool:
    answer = await person.put("/users/me/status", {"is_busy": True, "busy_until": date})
    return answer.status == 200


async def _ask(person: Person, method: str, path: str, body: Any) -> int:
    return (await person.request(method, path, None if body is None else json.dumps(body))).status


async def _say(server: ServerProgram, person: Person, query: str) -> None:
    """Reconnect with an impossible position in the feed, and send oversized values."""
    raw = await RawSocket.open(server.port, f"/ws/feed?token={person.token}&{query}", source=ATTACKER)
    for message in MESSAGES:
        text = json.dumps(message).encode()
        raw.writer.write(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)
    await raw.seconds_until_closed(0.5)
    raw.end()


async def _seconds_late(person: Person) -> float:
    """How late a short `busy_until` ends."""
    end = datetime.now(UTC) + timedelta(seconds=BUSY_SECONDS)
    answer = await person.put("/users/me/status", {"is_busy": True, "busy_until": end.isoformat()})
    assert answer.status == 200, answer.body

    async def is_over() -> bool:
        return not (await person.get("/users/me/status")).body["is_busy"]

    began = time.monotonic()
    await asyncio.sleep(BUSY_SECONDS - 0.5)
    waited = await until(is_over, seconds=10)
    return waited if waited == float("inf") else time.monotonic() - began - BUSY_SECONDS


async def _register(api: Api, name: str) -> int:
    while True:
        answer = await api.post("/auth/register", {"username": name, "password": secrets.token_hex(8)})
        if answer.status not in (429, 503):
            return answer.status
        await asyncio.sleep(1)
