"""The wall clock jumps, and the server process is paused."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.check import CannotRun, Check, exactly, none
from chaos.crowd import Member, answers, enter, enter_all
from chaos.lab import Lab
from chaos.program import until
from chaos.wall_clock import WallClock

SOCKETS = 50
HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY)
NOTICE_SECONDS = 1.5
"""How long each jump lasts, so that any damage can show."""

STALL_SECONDS = 3.0
STALLED: dict[str, Any] = {
    "ping_interval_seconds": 1.5,
    "pong_timeout_seconds": 1.0,
    "silent_socket_seconds": 2.0,
    "stall_seconds": 0.2,
    "grace_seconds": 1.5,
    "heartbeat_interval_seconds": 1,
    "heartbeat_life_seconds": 2.5,
}
"""Timeouts that are all shorter than the pause."""


async def wall_clock(lab: Lab) -> list[Check]:
    """The wall clock jumps forward and back by an hour and by a day: no client is dropped and no false change is
    announced.
    """
    clock = WallClock(lab.folder)
    server = lab.server(preload=clock.preload)
    *people, caller, callee, beating, busy, watching = await lab.people(server, SOCKETS + 5)
    await server.start()
    members = await enter_all(server.port, [*people, caller, callee])
    assert (await beating.post("/users/me/heartbeat")).status == 200
    until_when = datetime.now(UTC) + timedelta(seconds=HOUR / 2)
    assert (await busy.put("/users/me/status", {"busy_until": until_when.isoformat()})).status == 200
    started = await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "audio"})
    assert started.status == 200, started.body
    watcher = await enter(server.port, watching, watches=True)
    for jump in JUMPS:
        clock.shift(jump)
        await _check_shifted(watcher, jump)
        await asyncio.sleep(NOTICE_SECONDS)
        clock.shift(0)
        await asyncio.sleep(NOTICE_SECONDS)
    served = [await answers(member) for member in [*members, watcher]]
    updates = watcher.told("user_status_update")[1:]
    ended = [each for each in updates if each["user_id"] == busy.user_id and each["reason"] == "busy_expired"]
    lab.remarks += [f"{each['user_id']}: {each['reason']}" for each in updates]
    return [
        none("sockets dropped", sum(not is_served for is_served in served)),
        none("announcements caused by a jump", len(updates) - len(ended)),
        exactly("busy_until ended once the clock passed it", len(ended), 1),
        exactly("calls still in progress", len((await caller.get("/calls/ongoing")).body["items"]), 1),
        exactly("new sockets accepted afterwards", (await enter(server.port, people[0])).is_open, 1),
    ]


async def stopped_server(lab: Lab) -> list[Check]:
    """The server is paused for three seconds, longer than any of its client timeouts: no healthy client is dropped."""
    server = lab.server(**STALLED)
    *people, dropped, beating, watching = await lab.people(server, 103)
    await server.start()
    members = await enter_all(server.port, people)
    watcher, lost = await enter(server.port, watching, watches=True), await enter(server.port, dropped)
    await until(lambda: all(member.pings for member in [*members, watcher]), seconds=10)
    lost.drop()
    assert (await beating.post("/users/me/heartbeat")).status == 200
    assert await answers(watcher)
    before = len(watcher.told("user_status_update"))
    server.send_signal(signal.SIGSTOP)
    await asyncio.sleep(STALL_SECONDS)  # the length of the pause is what is tested
    server.send_signal(signal.SIGCONT)
    back = await enter(server.port, dropped)
    assert (await beating.post("/users/me/heartbeat")).status == 200
    pings = {member: member.pings for member in members}
    await until(lambda: _pinged_again(pings), seconds=10)
    told = watcher.told("user_status_update")[before:]
    return [
        none("healthy clients dropped", sum(not member.is_open for member in [*members, watcher, back])),
        none("announcements caused by the pause", sum(each["user_id"] != beating.user_id for each in told)),
        none("false offlines", await server.metric("rollcall_false_offlines_total")),
    ]


async def _check_shifted(member: Member, jump: int) -> None:
    """Make sure that the server sees the shifted clock. Raises CannotRun otherwise, as nothing would be tested."""
    assert await answers(member)
    told = datetime.fromisoformat(member.told("pong")[-1]["server_time"])
    if abs((told - datetime.now(UTC)).total_seconds() - jump) > HOUR / 2:
        raise CannotRun("the library that shifts the wall clock has no effect on this Python")


def _pinged_again(pings: dict[Member, int]) -> bool:
    return all(member.pings > before + 1 for member, before in pings.items())
