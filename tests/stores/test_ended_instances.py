"""The documents of servers that shared a database: one that its server left behind is removed by another server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.database import Database
from models.ended_instances import LOOK_SECONDS, SILENT_SECONDS, EndedInstances
from models.errors import StoreUnavailable
from models.instances import Instance, Instances
from models.machine import this_process
from tests.realtime.world import NOON

pytestmark = pytest.mark.gen_test(timeout=60)


class Site:
    """A server that looks for the others' documents, and a clock that moves only on request."""

    def __init__(self, database: Database) -> None:
        self.instances = Instances(database.unchecked_collection("instances"))
        self.now = 1000.0
        self.ended = EndedInstances(self.instances, instance("own"), lambda: self.now)

    async def look(self, seconds: float = 0.0, *renewed: str) -> list[str]:
        """Look for so long, while some servers renew. Returns the incarnations that have a document."""
        end = self.now + seconds
        await self.ended.remove()
        while self.now < end:
            self.now += LOOK_SECONDS
            for incarnation in renewed:
                await self.instances.renew(incarnation)
            await self.ended.remove()
        return [each.incarnation for each in await self.instances.others("")]


def instance(incarnation: str, *, shares: bool = True, **process: Any) -> Instance:
    """Return the document of a server, by default on a machine of its own."""
    identity = msgspec.structs.replace(this_process(), **{"host": incarnation, **process})
    return Instance(**msgspec.structs.asdict(identity), incarnation=incarnation, since=NOON, shares=shares)


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


async def test_a_server_that_was_silent_for_long_is_removed(site: Site) -> None:
    await site.instances.add(instance("own"))
    await site.instances.add(instance("a"))
    assert await site.look(SILENT_SECONDS - LOOK_SECONDS, "own") == ["a", "own"]
    assert await site.look(LOOK_SECONDS, "own") == ["own"]


async def test_a_server_that_renews_stays(site: Site) -> None:
    await site.instances.add(instance("a"))
    assert await site.look(2 * SILENT_SECONDS, "a") == ["a"]


async def test_a_server_that_renews_at_the_last_moment_stays(site: Site) -> None:
    await site.instances.add(instance("a"))
    await site.look(SILENT_SECONDS - LOOK_SECONDS)
    assert await site.look(LOOK_SECONDS, "a") == ["a"]


async def test_a_server_that_does_not_share_the_database_stays(site: Site) -> None:
    await site.instances.add(instance("a", shares=False))
    assert await site.look(2 * SILENT_SECONDS) == ["a"]


async def test_a_process_of_this_machine_that_has_ended_is_removed_at_once(site: Site) -> None:
    await site.instances.add(instance("a", host="own", process_started=1))  # its id belongs to a later process
    assert await site.look() == []


async def test_a_process_of_this_machine_that_runs_stays_however_long_it_is_paused(site: Site) -> None:
    await site.instances.add(instance("a", host="own"))
    assert await site.look(2 * SILENT_SECONDS) == ["a"]


async def test_time_in_which_this_server_was_paused_does_not_count(site: Site) -> None:
    await site.instances.add(instance("a"))
    await site.look()
    site.now += SILENT_SECONDS
    assert await site.look() == ["a"]


async def test_time_in_which_the_store_was_down_does_not_count(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.instances.add(instance("a"))
    await site.look(SILENT_SECONDS - LOOK_SECONDS)

    async def fail(*_: Any) -> list[Instance]:
        raise StoreUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(site.instances, "others", fail)
        with pytest.raises(StoreUnavailable):
            await site.look()
    assert await site.look(LOOK_SECONDS) == ["a"]
