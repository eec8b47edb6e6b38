"""States: all states of all pages. Each module defines those of one area, whose name they begin with."""

from __future__ import annotations

from tests.screenshots import places, recorded
from tests.screenshots.states import (
    accounts,
    audit,
    calls,
    confirm,
    connection,
    events,
    live,
    live_menus,
    system,
    user,
    user_day,
    users,
)

AREAS = [
    module.__name__.rpartition(".")[2]
    for module in (accounts, audit, calls, confirm, connection, events, live, live_menus, system, user, user_day, users)
]
"""The areas, in the order in which they are photographed."""

__all__ = ["AREAS", "places", "recorded"]
