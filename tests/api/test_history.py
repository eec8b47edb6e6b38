"""GET /calls/history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import Person
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def past(user: MakePerson) -> list[Person]:
    """Three users and their calls: ada-bob audio completed, bob-ada video dropped, ada-carol audio cancelled."""
    ada, bob, carol = people = [await user(name) for name in ("ada", "bob", "carol")]
    for person in people:
        await person.post("/users/me/heartbeat")
    for caller, callee, kind, reason in (
        (ada, bob, "audio", "completed"),
        (bob, ada, "video", "dropped"),
        (ada, carol, "audio", "cancelled"),
    ):
        call = await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": kind})
        await callee.post("/calls/end", {"call_id": call.body["call_id"], "reason": reason})
    return people


async def statuses(person: Person, **query: Any) -> list[str]:
    """The states of the calls in a history."""
    answer = await person.get("/calls/history", **query)
    assert answer.status == 200, answer.body
    return [call["status"] for call in answer.body["items"]]


async def test_the_history_holds_the_callers_own_calls_as_caller_and_callee_the_newest_first(user: MakePerson) -> None:
    ada, bob, carol = await past(user)
    assert await statuses(ada) == ["cancelled", "dropped", "completed"]
    assert await statuses(bob) == ["dropped", "completed"]
    assert await statuses(carol) == ["cancelled"]


async def test_the_history_is_narrowed_by_type_and_state(user: MakePerson) -> None:
    ada, *_ = await past(user)
    assert await statuses(ada, call_type="audio") == ["cancelled", "completed"]
    assert await statuses(ada, call_type="video") == ["dropped"]
    assert await statuses(ada, status="dropped") == ["dropped"]
    assert await statuses(ada, status="completed", call_type="video") == []
    assert await statuses(ada, status="ongoing") == []


async def test_an_ongoing_call_stands_in_the_history(user: MakePerson) -> None:
    ada, bob, _ = await past(user)
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "video"})
    assert await statuses(bob, status="ongoing") == ["ongoing"]
    assert (await statuses(ada))[0] == "ongoing"


async def test_the_history_is_paged(user: MakePerson) -> None:
    ada, *_ = await past(user)
    first, second = [(await ada.get("/calls/history", page=page, per_page=2)).body for page in (1, 2)]
    assert ([call["status"] for call in first["items"]], first["total"], first["has_next"]) == (
        ["cancelled", "dropped"], 3, True,
    )  # fmt: skip
    assert ([call["status"] for call in second["items"]], second["has_next"]) == (["completed"], False)
    assert (await ada.get("/calls/history", page=9)).body["items"] == []


async def test_the_history_survives_a_restart(server: RunningServer, user: MakePerson) -> None:
    ada, *_ = await past(user)
    before = (await ada.get("/calls/history")).body
    await server.restart()
    assert (await ada.get("/calls/history")).body == before
