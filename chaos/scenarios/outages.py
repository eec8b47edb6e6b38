"""The store stalls, goes down, hangs, or loses its replies."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable

from chaos.check import Check, at_least, at_most, none
from chaos.crowd import Member, enter_all, join
from chaos.lab import Lab
from chaos.program import ServerProgram, until
from chaos.proxy import Proxy
from chaos.rest import Connection, Person
from chaos.seeding import differences
from chaos.stores import MongoStore
from chaos.victim import percentile
from chaos.victim_program import PingingMember

SOCKETS, PINGING, WRITING = 500, 50, 40
OUTAGE_SECONDS = 6.0
REFUSAL_SECONDS = 2.0
RECOVERY_SECONDS = 5.0

STALLED_SOCKETS = 200
PING_SECONDS, PONG_SECONDS = 1.5, 1.0
STALL_SECONDS = 3 * PONG_SECONDS

LOST_REPLIES = 20


async def mongodb_refused(lab: Lab) -> list[Check]:
    """MongoDB goes down while 500 sockets are open: the sockets stay open, writes are refused in time, and the server
    recovers by itself.
    """
    return await _outage(lab, Proxy.refuse)


async def mongodb_black_hole(lab: Lab) -> list[Check]:
    """MongoDB stops answering without closing its connections: sockets stay open, writes are refused in time, and the
    server recovers by itself.
    """
    return await _outage(lab, Proxy.swallow)


async def mongodb_reset(lab: Lab) -> list[Check]:
    """Connections to MongoDB are reset as soon as they are used: sockets stay open, writes are refused in time,
    and the server recovers by itself.
    """
    return await _outage(lab, Proxy.reset)


async def stalled_store(lab: Lab) -> list[Check]:
    """The store stalls for three times the pong timeout: no healthy client is dropped."""
    await lab.store.interpose()
    server = lab.server(
        ping_interval_seconds=PING_SECONDS,
        pong_timeout_seconds=PONG_SECONDS,
        silent_socket_seconds=PING_SECONDS + PONG_SECONDS / 2,
    )
    people = await lab.people(server, STALLED_SOCKETS)
    await server.start()
    members = await enter_all(server.port, people[PINGING:])
    pinging = [await join(PingingMember(server.port, person), server.port) for person in people[:PINGING]]
    await until(server.is_saved, seconds=10)
    pings = [asyncio.create_task(_ping(member)) for member in pinging]
    await lab.store.stall()
    writes = [asyncio.create_task(_write(person)) for person in people[:PINGING]]
    await asyncio.sleep(STALL_SECONDS)
    await lab.store.resume()
    await asyncio.gather(*writes)
    await asyncio.sleep(PING_SECONDS + PONG_SECONDS)
    _cancel(pings)
    seconds = _ping_seconds(pinging)
    return [
        none("healthy clients dropped", sum(not member.is_open for member in [*members, *pinging])),
        at_most("pings, 99th percentile", 1000 * percentile(seconds, 0.99), 100, "ms"),
        none("false offlines", await server.metric("rollcall_false_offlines_total")),
    ]


async def lost_replies(lab: Lab) -> list[Check]:
    """The reply to a write is lost after the write was applied: repeating the request gives a consistent result."""
    await lab.store.interpose()
    server = lab.server()
    people = await lab.people(server, 4 * LOST_REPLIES)
    await server.start()
    await enter_all(server.port, people)
    wrong = {"statuses": 0, "starts of calls": 0, "ends of calls": 0}
    for number in range(LOST_REPLIES):
        caller, callee, writer, _ = people[number::LOST_REPLIES]
        wanted = {"is_busy": True}
        await _send_and_leave(server, writer, "PUT", "/users/me/status", wanted)
        again = await writer.put("/users/me/status", wanted)
        told = (await writer.get("/users/me/status")).body
        wrong["statuses"] += again.status != 200 or told["is_busy"] is not True
        call_id, agrees = await _lose_start(server, caller, callee)
        wrong["starts of calls"] += not agrees
        wrong["ends of calls"] += not await _lose_end(server, caller, call_id)
    checks = [none(f"inconsistent {what}", count) for what, count in wrong.items()]
    if isinstance(lab.store, MongoStore):
        assert lab.store.proxy is not None
        checks += await _replies_of_the_store(server, lab.store.proxy, people[3 * LOST_REPLIES :])
    return checks


async def _replies_of_the_store(server: ServerProgram, proxy: Proxy, people: list[Person]) -> list[Check]:
    """Lose replies between the server and its store."""
    proxy.lose_replies()
    answers = await asyncio.gather(*(_write(person) for person in people))
    await proxy.let_through()
    await until(server.is_ready, seconds=20)
    await until(server.is_saved, seconds=20)
    return [
        at_least("writes whose reply from the store was lost", sum(status == 503 for status, _ in answers), 1),
        none("differences between the store and the server", await differences(server, people)),
    ]


async def _outage(lab: Lab, begin: Callable[[Proxy], None]) -> list[Check]:
    await lab.store.interpose()
    assert isinstance(lab.store, MongoStore)
    assert lab.store.proxy is not None
    server = lab.server()
    people = await lab.people(server, SOCKETS)
    await server.start()
    members: list[Member] = await enter_all(server.port, people[PINGING:])
    pinging = [await join(PingingMember(server.port, person), server.port) for person in people[:PINGING]]
    await until(server.is_saved, seconds=20)
    lines = server.log_lines()
    pings = [asyncio.create_task(_ping(member)) for member in pinging]
    begin(lab.store.proxy)
    answers = await _write_on(people[:WRITING])
    lines = server.log_lines() - lines
    await lab.store.proxy.let_through()
    began = time.monotonic()
    await until(lambda: _are_written(people[:WRITING]), seconds=30)
    await until(server.is_saved, seconds=30)
    recovery = time.monotonic() - began
    _cancel(pings)
    lab.note(writes_refused=len(answers), log_lines=lines)
    return [
        none("sockets dropped", sum(not member.is_open for member in [*members, *pinging])),
        at_most("pings, 99th percentile", 1000 * percentile(_ping_seconds(pinging), 0.99), 100, "ms"),
        none("writes answered with other than 503", sum(status != 503 for status, _ in answers)),
        at_most("slowest refusal", max(seconds for _, seconds in answers), REFUSAL_SECONDS, "s"),
        at_most("log lines after the first", max(0, lines - 1) / OUTAGE_SECONDS, 1, "/s"),
        at_most("time until all writes work again", recovery, RECOVERY_SECONDS, "s"),
        none("differences between the store and the server", await differences(server, people[:WRITING])),
    ]


async def _write_on(people: list[Person]) -> list[tuple[int, float]]:
    """Keep writing for all these users while the outage lasts. Returns the status and seconds of each write."""
    began = time.monotonic()
    answers: list[tuple[int, float]] = []
    while time.monotonic() - began < OUTAGE_SECONDS:
        answers += await asyncio.gather(*(_write(person) for person in people))
        await asyncio.sleep(0.5)
    return answers


async def _write(person: Person) -> tuple[int, float]:
    began = time.monotonic()
    try:
        answer = await person.put("/users/me/status", {"is_busy": True})
    except OSError:  # TimeoutError is one
        return 0, time.monotonic() - began
    return answer.status, time.monotonic() - began


async def _are_written(people: list[Person]) -> bool:
    return {status for status, _ in await asyncio.gather(*(_write(person) for person in people))} == {200}


async def _ping(member: PingingMember) -> None:
    while member.is_open:
        member.ping()
        await asyncio.sleep(1)


def _ping_seconds(members: list[PingingMember]) -> list[float]:
    return [seconds for member in members for seconds in [*member.seconds, *member.unanswered()]]


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


async def _send_and_leave(
    server: ServerProgram, person: Person, method: str, path: str, body: object, key: str = ""
) -> None:
    """Send a request and disconnect before the answer arrives."""
    headers = {"Idempotency-Key": key} if key else {}
    connection = await Connection.open(server.port)
    sending = asyncio.create_task(connection.ask(person.encode(method, path, json.dumps(body), headers)))
    await asyncio.sleep(0.01 * secrets.randbelow(3))
    connection.close()
    await asyncio.gather(sending, return_exceptions=True)


async def _lose_start(server: ServerProgram, caller: Person, callee: Person) -> tuple[str, bool]:
    """The call that was started, and whether repeating the request returned that call and started no other."""
    body = {"callee_id": callee.user_id, "call_type": "audio"}
    key = secrets.token_hex(8)
    await _send_and_leave(server, caller, "POST", "/calls/start", body, key)
    answer = await caller.post("/calls/start", body, {"Idempotency-Key": key})
    ongoing = (await caller.get("/calls/ongoing")).body["items"]
    if answer.status != 200:
        return "", False
    call_id: str = answer.body["call_id"]
    return call_id, [call["call_id"] for call in ongoing] == [call_id]


async def _lose_end(server: ServerProgram, caller: Person, call_id: str) -> bool:
    """Whether ending the call again returned the same result and no call is in progress."""
    await _send_and_leave(server, caller, "POST", "/calls/end", {"call_id": call_id})
    first = await caller.post("/calls/end", {"call_id": call_id})
    second = await caller.post("/calls/end", {"call_id": call_id})
    ongoing = (await caller.get("/calls/ongoing")).body["items"]
    return first.status == second.status == 200 and first.body == second.body and ongoing == []
