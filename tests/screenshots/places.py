"""Places: the servers that several areas photograph."""

from __future__ import annotations

from tests.dashboard.crowds import ONLINE_SETTINGS, gather_crowd
from tests.screenshots.stage import Place, place


@place("crowd", **ONLINE_SETTINGS)
async def furnish_crowd(place: Place) -> None:
    """A team of 140, with long names, calls, events and audit entries."""
    crowd = await gather_crowd(place.site, 140)
    place.ids.update(longest=crowd.longest, stuck=crowd.stuck, call=crowd.call_id)
    await place.site.start()


@place("thousands", **ONLINE_SETTINGS)
async def furnish_thousands(place: Place) -> None:
    """A team of 5,061."""
    crowd = await gather_crowd(place.site, 5061)
    place.ids.update(longest=crowd.longest, stuck=crowd.stuck, call=crowd.call_id)
    await place.site.start()


@place("nobody")
async def furnish_nobody(place: Place) -> None:
    """A server that was just installed."""
    await place.site.start()


@place("fragile", **ONLINE_SETTINGS)
async def furnish_fragile(place: Place) -> None:
    """A team of 61 on a server that states may stop and start again."""
    crowd = await gather_crowd(place.site, 61)
    place.ids.update(longest=crowd.longest, stuck=crowd.stuck, call=crowd.call_id)
    await place.site.start()
