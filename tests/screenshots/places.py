"""Places: the servers that several areas photograph."""

from __future__ import annotations

from tests.dashboard.crowds import ONLINE_SETTINGS, gather_crowd
from tests.screenshots.stage import Place, place


@place("crowd", **ONLINE_SETTINGS)
async def furnish_crowd(place: Place) -> None:
    """A team of 140, with long names, calls, events and audit entries."""
    await _furnish(place, 140)


@place("thousands", **ONLINE_SETTINGS)
async def furnish_thousands(place: Place) -> None:
    """A team of 5,061."""
    await _furnish(place, 5061)


@place("nobody")
async def furnish_nobody(place: Place) -> None:
    """A server that was just installed."""
    await place.site.start()


@place("fragile", **ONLINE_SETTINGS)
async def furnish_fragile(place: Place) -> None:
    """A team of 61 on a server that states may stop and start again."""
    await _furnish(place, 61)


async def _furnish(place: Place, count: int) -> None:
    crowd = await gather_crowd(place.site, count)
    place.ids.update(longest=crowd.longest, stuck=crowd.stuck, call=crowd.call_id)
    await place.site.start()
