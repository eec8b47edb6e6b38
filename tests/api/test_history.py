"""GET /calls/history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.calls import Call
from tests.clients import Person
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def past(user: MakePerson) -> list[Person]:
    """Create three users and their calls: ada-bob audio completed, bob-ada video dropped, ada-carol audio cancelled."""
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
    """Return the statuses of the calls in a history."""
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


async def test_the_history_goes_on_before_a_call(user: MakePerson) -> None:
    ada, bob, _ = await past(user)
    newest, middle, oldest = (await ada.get("/calls/history")).body["items"]
    first = (await ada.get("/calls/history", before=newest["call_id"], per_page=1)).body
    assert (first["items"], first["page"], first["total"], first["has_next"]) == ([middle], 1, 3, True)
    second = (await ada.get("/calls/history", before=middle["call_id"], per_page=1)).body
    assert (second["items"], second["has_next"]) == ([oldest], False)
    assert (await ada.get("/calls/history", before=oldest["call_id"])).body["items"] == []
    assert (await ada.get("/calls/history", before=newest["call_id"], call_type="audio")).body["items"] == [oldest]
    assert (await bob.get("/calls/history", before=middle["call_id"])).body["items"] == [oldest]


async def test_the_history_goes_on_only_before_a_call_in_it(user: MakePerson) -> None:
    ada, _, carol = await past(user)
    other = (await ada.get("/calls/history")).body["items"][2]["call_id"]
    for unknown in (other, "nothing"):
        answer = await carol.get("/calls/history", before=unknown)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    for query in ({"before": ""}, {"before": "a b"}, {"before": "a" * 65}, {"before": other, "page": 2}):
        answer = await ada.get("/calls/history", **query)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), query
    assert (await ada.get("/calls/ongoing", before=other)).status == 400


async def test_lists_of_calls_have_at_most_a_hundred_pages(server: RunningServer, user: MakePerson) -> None:
    ada, bob, _ = await past(user)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(100):
        over = Call(f"c{number}", ada.user_id, bob.user_id, "audio", "completed", began - timedelta(minutes=number))
        await server.stores.calls.insert(over)
    last = (await ada.get("/calls/history", page=100, per_page=1)).body
    assert (len(last["items"]), last["total"], last["has_next"]) == (1, 103, False)
    assert (await ada.get("/calls/history", page=99, per_page=1)).body["has_next"] is True
    for path in ("/calls/history", "/calls/ongoing"):
        assert (await ada.get(path, page=101, per_page=1)).code == "INVALID_REQUEST"
    further = (await ada.get("/calls/history", before=last["items"][0]["call_id"])).body
    assert [call["call_id"] for call in further["items"]] == ["c97", "c98", "c99"]


async def test_the_history_survives_a_restart(server: RunningServer, user: MakePerson) -> None:
    ada, *_ = await past(user)
    before = (await ada.get("/calls/history")).body
    await server.restart()
    assert (await ada.get("/calls/history")).body == before
