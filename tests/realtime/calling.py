"""Helpers for the tests of calls: four users on sockets, and a store that can be held."""

from __future__ import annotations

import asyncio

import pytest

from models.calls import Call
from models.errors import Conflict
from tests.realtime.stores import Fault
from tests.realtime.world import World


def four_users(world: World) -> World:
    """Connect users 1…4, each with a socket, and let everything settle."""
    for user_id in range(1, 5):
        world.connect(user_id, "presence")
    world.advance(2)
    return world


def busy(world: World) -> list[int]:
    """Return the ids of the busy users."""
    return [user_id for user_id in world.users.rows if world.status(user_id).is_busy]


def told_calls(world: World, user_id: int) -> list[str]:
    """Return the states of calls that a user was sent."""
    world.arrive()
    return [each["call"]["status"] for each in world.clients[user_id - 1].messages("call_status_update")]


def start(world: World, caller_id: int, callee_id: int, key: str | None = None) -> asyncio.Task[Call]:
    """Start a call that may have to wait for the store."""
    return world.begin(world.core.switchboard.start(caller_id, callee_id, "audio", key))


def step(world: World, operation: str, fault: Fault = "none") -> None:
    """Advance a held store operation by one step."""
    next(each for each in world.faults.held if each.operation == operation).go(fault)
    world.settle()


def let_go(world: World) -> None:
    """Let all held store operations finish."""
    world.faults.holds = False
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()


def refused(world: World, caller_id: int, callee_id: int, key: str | None = None) -> str:
    """Start a call that must be refused. Returns the error code."""
    with pytest.raises(Conflict) as refusal:
        world.call(caller_id, callee_id, key)
    return refusal.value.code
