"""Users of another program: `external:` and their id stand wherever a user's id may stand."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.clients import Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

STRANGE = [
    "auth0|5f7",
    "a,b/c",
    "a,2",
    "..",
    "7",
    "Zoë",
    "100%",
    "a%2Fb",
    "a+b c",
    "external:1",
    "[1]",
    "?x=1&y#z",
    "x" * 128,
]


async def of_another_program(server: RunningServer, external_id: str, username: str) -> int:
    """Create a user with an external id."""
    created = await server.core.membership.create_external(external_id, username, None)
    await server.caught_up()
    return created.profile.user_id


def external(external_id: str) -> str:
    """Return an external id as it stands in a URL."""
    return f"external:{quote(external_id, safe='')}"


@pytest.mark.parametrize("external_id", STRANGE)
async def test_a_status_is_read_by_the_external_id(server: RunningServer, user: MakePerson, external_id: str) -> None:
    ada = await user("ada")
    user_id = await of_another_program(server, external_id, "zoe")
    status = (await ada.get(f"/users/{user_id}/presence")).body
    assert status["external_id"] == external_id
    assert "external_id" not in (await ada.get("/users/me/status")).body
    assert (await ada.get(f"/users/{external(external_id)}/presence")).body == status
    once = await ada.request("GET", f"/users/presence?user_ids={ada.user_id},{external(external_id)},{user_id}")
    assert [each["username"] for each in once.body] == ["ada", "zoe", "zoe"]
    twice = await ada.get("/users/presence", user_ids=f"{external(external_id)},{ada.user_id}")
    assert [each["username"] for each in twice.body] == ["zoe", "ada"]


@pytest.mark.parametrize(
    "bad", ["external:", f"external:{'x' * 129}", "external:%00", "external:%FF", "External:a", "external", ":a", "a"]
)
async def test_an_external_id_that_is_none_is_refused(user: MakePerson, bad: str) -> None:
    ada = await user("ada")
    for path in (f"/users/{bad}/presence", f"/users/presence?user_ids={bad}"):
        answer = await ada.request("GET", path)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), path


async def test_an_external_id_that_nobody_has_is_404_and_left_out_of_lists(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.get("/users/external:nobody/presence")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert (await ada.get("/users/presence", user_ids=f"external:nobody,{ada.user_id}")).body[0]["username"] == "ada"


async def test_at_most_a_hundred_users_are_asked_for_at_once(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.get("/users/presence", user_ids=",".join(["external:a"] * 100))).status == 200
    assert (await ada.get("/users/presence", user_ids=",".join(["external:a"] * 101))).code == "INVALID_REQUEST"


@pytest.mark.parametrize("spelling", ["a,b/c", "a%2Cb%2Fc"])
async def test_a_user_is_called_by_the_external_id(server: RunningServer, user: MakePerson, spelling: str) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    user_id = await of_another_program(server, "a,b/c", "zoe")
    zoe = Person(ada, user_id, "zoe", server.tokens.mint(user_id, "login", "access", 900)[0])
    await zoe.post("/users/me/heartbeat")
    await server.caught_up()
    answer = await ada.post("/calls/start", {"callee_id": f"external:{spelling}", "call_type": "audio"})
    assert (answer.status, answer.body["callee_id"]) == (200, user_id)


@pytest.mark.parametrize("written", ["a%62", "%61b", "a%2562"])
async def test_an_id_with_a_percent_sign_means_nobody_else(
    server: RunningServer, user: MakePerson, written: str
) -> None:
    ada = await user("ada")
    await of_another_program(server, "ab", "victim")
    encoded = written.replace("%", "%25")
    assert (await ada.get(f"/users/external:{encoded}/presence")).status == 404
    assert (await ada.request("GET", f"/users/presence?user_ids=external:{encoded}")).body == []
    answer = await ada.post("/calls/start", {"callee_id": f"external:{written}", "call_type": "audio"})
    assert answer.status == 404


@pytest.mark.parametrize(
    ("callee", "status"),
    [("external:nobody", 404), ("external:", 400), ("1", 400), ("bob", 400), (f"external:{'x' * 129}", 400)],
)
async def test_nobody_is_called_by_an_id_that_is_none(user: MakePerson, callee: str, status: int) -> None:
    answer = await (await user("ada")).post("/calls/start", {"callee_id": callee, "call_type": "audio"})
    assert answer.status == status
    assert "regex" not in answer.body["error"]["message"]


@pytest.mark.also_clustered
async def test_a_socket_watches_by_the_external_id_also_a_user_who_is_not_there_yet(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    first = await of_another_program(server, "one", "first")
    watching = await socket(ada, "/ws/presence")
    await watching.send(
        {
            "type": "subscribe",
            "subscription": "presence",
            "user_ids": ["external:one", "external:t,wo"],
            "snapshot": True,
        }
    )
    page = await watching.next("snapshot")
    assert [each["user_id"] for each in page["users"]] == [first]
    second = await of_another_program(server, "t,wo", "second")
    update = await watching.next("user_status_update", user_id=second)
    assert update["status"]["external_id"] == "t,wo"


async def test_a_command_with_an_external_id_that_is_none_is_refused(user: MakePerson, socket: OpenSocket) -> None:
    watching = await socket(await user("ada"), "/ws/presence")
    await watching.send({"type": "subscribe", "subscription": "presence", "user_ids": ["external:"]})
    assert (await watching.next("error"))["code"] == "INVALID_MESSAGE_ERROR"
