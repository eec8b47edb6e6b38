"""GET /users/{id}/presence and GET /users/presence."""

from __future__ import annotations

import pytest

from tests.conftest import MakePerson

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def test_anyone_sees_the_status_of_anyone(user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    await bob.post("/users/me/heartbeat")
    answer = await ada.get(f"/users/{bob.user_id}/presence")
    assert answer.status == 200
    assert answer.body == (await bob.get("/users/me/status")).body


async def test_a_user_who_is_not_there_is_404(user: MakePerson) -> None:
    answer = await (await user("ada")).get("/users/999/presence")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "bad", ["0", "-1", "01", "1.0", "1e3", "x", "%20", "1%00", "9223372036854775808", "9" * 400, "٣", "true", "%7B%7D"]
)
async def test_an_id_that_is_none_is_refused(user: MakePerson, bad: str) -> None:
    ada = await user("ada")
    for path in (f"/users/{bad}/presence", f"/users/presence?user_ids={bad}"):
        answer = await ada.get(path.encode("utf-8").decode("utf-8"))
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), path


async def test_several_are_answered_in_the_order_asked_without_those_who_are_not_there(user: MakePerson) -> None:
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    answer = await ada.get("/users/presence", user_ids=f"{carol.user_id},999,{ada.user_id},{bob.user_id}")
    assert answer.status == 200
    assert [each["username"] for each in answer.body] == ["carol", "ada", "bob"]


async def test_at_most_a_hundred_are_asked_for_at_once(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.get("/users/presence", user_ids=",".join(["1"] * 100))).status == 200
    assert (await ada.get("/users/presence", user_ids=",".join(["1"] * 101))).code == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "query", ["", "?user_ids=", "?user_ids=1,", "?user_ids=1&user_ids=2", "?ids=1", "?user_ids=1&x=1"]
)
async def test_a_query_that_says_something_else_is_refused(user: MakePerson, query: str) -> None:
    assert (await (await user("ada")).get(f"/users/presence{query}")).code == "INVALID_REQUEST"
