"""Views: the page of an operator's saved filters."""

from __future__ import annotations

import secrets

from models.saved_filters import PageName, SavedFilter
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

SAVED = "/admin/saved-filters"

FILTERS: tuple[tuple[PageName, str, str], ...] = (
    ("live", "Busy without a call", "status=busy&sort=-since"),
    ("live", "W" * 60, "q=" + "W" * 64 + "&tag=support+of+the+night+shift"),
    ("users", "من المساء والليل", "q=محمد&status=available"),
    ("users", "Everybody", ""),
    ("calls", "Long calls of the night", "state=ended&sort=duration&range=shift&q=doe"),
    ("calls", "Calls of Christmas", "from=2025-12-24T00:00&to=2025-12-27T00:00&zone=Europe/Berlin"),
    ("events", "At 14:05", "at=2026-11-26T14:05&zone=Europe/Berlin&kind=call_ended"),
    ("events", "What happened to #8", "user=8&kind=offline&range=week"),
    ("audit", "What noor did", "operator=noor&action=force_offline&sort=-time"),
)


@place("saved")
async def furnish_saved(place: Place) -> None:
    """Saved filters of each page."""
    await place.site.start()
    await _save(place, "operator", *(SavedFilter(*each) for each in FILTERS))


async def _save(place: Place, operator: str, *filters: SavedFilter) -> None:
    async with place.site.stores() as stores:
        (operator_id,) = [each.operator_id for each in await stores.operators.all() if each.name == operator]
        for each in filters:
            await stores.saved_filters.save(operator_id, each)


plain("saved_none", SAVED, place="nobody")
plain("saved_several", SAVED, place="saved")
plain("saved_several_without_scripts", SAVED, place="saved", options={"java_script_enabled": False})


async def _own(scene: Scene) -> str:
    """Save a filter for a state to change. Returns its name."""
    name = f"Mine {secrets.token_hex(2)}"
    await _save(
        scene.place, "second", SavedFilter("users", "Taken", "status=busy"), SavedFilter("users", name, "q=ada")
    )
    await scene.page.reload()
    return name


async def _rename(scene: Scene, new_name: str) -> None:
    name = await _own(scene)
    field = scene.page.get_by_label(f"New name for {name}")
    await field.fill(new_name.format(name))
    async with scene.page.expect_navigation():
        await field.press("Enter")


@state("saved_name_taken", SAVED, place="saved", role="second")
async def take_the_name(scene: Scene) -> None:
    """A name that another filter of the page has."""
    await _rename(scene, "taken")


@state("saved_renamed", SAVED, place="saved", role="second")
async def rename(scene: Scene) -> None:
    """After a filter was renamed."""
    await _rename(scene, "{} too")


@state("saved_deleted", SAVED, place="saved", role="second")
async def delete(scene: Scene) -> None:
    """After a filter was deleted."""
    name = await _own(scene)
    async with scene.page.expect_navigation():
        await scene.page.get_by_role("button", name=f"Delete {name}").click()
