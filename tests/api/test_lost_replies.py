"""A store that fails during a registration or a rename: the next request shows what is stored."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from pymongo.errors import AutoReconnect

from models.embedded.writer import Writer
from tests.clients import Api, Message, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [
    pytest.mark.gen_test,
    pytest.mark.settings(save_interval_seconds=3600.0, store_breaker_failures=1000),
    pytest.mark.one_node,
]

Fault = Literal["refused", "reply_lost"]


class FaultyCollection:
    """A collection whose next calls of some operations fail, either before or after they are applied."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.faults: dict[str, list[Fault]] = {}

    def fail(self, operation: str, *faults: Fault) -> None:
        self.faults.setdefault(operation, []).extend(faults)

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._collection, operation)
        return (lambda *given, **named: self._run(operation, call, given, named)) if operation in self.faults else call

    async def _run(self, operation: str, call: Callable[..., Any], given: Any, named: Any) -> Any:
        faults = self.faults[operation]
        fault = faults.pop(0) if faults else None
        if fault == "refused":
            raise AutoReconnect("refused")
        result = await call(*given, **named)
        if fault == "reply_lost":
            raise AutoReconnect("the reply was lost")
        return result


@pytest.fixture
def users(server: RunningServer) -> Iterator[FaultyCollection]:
    """The users collection, with faults."""
    yield from _faulty(server.stores.users._users)


@pytest.fixture
def passwords(server: RunningServer) -> Iterator[FaultyCollection]:
    """The users collection, as the store of passwords sees it, with faults."""
    yield from _faulty(server.stores.user_passwords._users)


@pytest.fixture
def logins(server: RunningServer) -> Iterator[FaultyCollection]:
    """The logins collection, with faults."""
    yield from _faulty(server.stores.logins._logins)


def _faulty(guarded: Any) -> Iterator[FaultyCollection]:
    whole = guarded._collection
    guarded._collection = faulty = FaultyCollection(whole)
    yield faulty
    guarded._collection = whole


def credentials(username: str = "ada") -> Message:
    return {"username": username, "password": secrets.token_hex(12)}


async def test_a_registration_without_a_reply_can_be_followed_by_a_login(api: Api, users: FaultyCollection) -> None:
    given = credentials()
    users.fail("insert_one", "reply_lost")
    assert (await api.post("/auth/register", given)).status == 503
    login = await api.post("/auth/login", given)
    assert login.status == 200
    me = await api.with_token(login.body["access_token"]).get("/users/me")
    assert (me.status, me.body["username"]) == (200, "ada")


async def test_a_registration_without_a_reply_is_announced_in_the_background(
    server: RunningServer, api: Api, users: FaultyCollection, user: MakePerson, socket: OpenSocket
) -> None:
    feed = await socket(await user("watcher"))
    users.fail("insert_one", "reply_lost")
    assert (await api.post("/auth/register", credentials())).status == 503
    await server.core.save()
    assert (await feed.next("user_status_update"))["status"]["username"] == "ada"


async def test_a_registration_that_was_refused_can_be_repeated(api: Api, users: FaultyCollection) -> None:
    given = credentials()
    users.fail("insert_one", "refused")
    assert (await api.post("/auth/register", given)).status == 503
    assert (await api.post("/auth/register", given)).status == 201


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
async def test_a_registration_whose_login_failed_is_known_and_can_sign_in(
    server: RunningServer, api: Api, logins: FaultyCollection, fault: Fault
) -> None:
    given = credentials()
    logins.fail("insert_one", fault)
    assert (await api.post("/auth/register", given)).status == 503
    assert [entry.profile.username for entry in server.core.registry] == ["ada"]
    assert (await api.post("/auth/register", given)).code == "USERNAME_TAKEN"
    assert (await api.post("/auth/login", given)).status == 200


REQUESTS: dict[str, Callable[[Person], Any]] = {
    "GET /users/me": lambda person: person.get("/users/me"),
    "GET /users/me/status": lambda person: person.get("/users/me/status"),
    "PATCH /users/me": lambda person: person.patch("/users/me", {"profile_image_url": None}),
    "PUT /users/me/status": lambda person: person.put("/users/me/status", {"is_busy": False}),
    "POST /users/me/heartbeat": lambda person: person.post("/users/me/heartbeat"),
}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize(("fault", "expected"), [("reply_lost", "Ada L."), ("refused", "ada")])
async def test_the_request_after_a_rename_without_a_reply_says_what_is_stored(
    user: MakePerson, users: FaultyCollection, fault: Fault, expected: str, request_name: str
) -> None:
    ada = await user("ada")
    users.fail("find_one_and_update", fault)
    assert (await ada.patch("/users/me", {"username": "Ada L."})).status == 503
    answer = await REQUESTS[request_name](ada)
    assert (answer.status, answer.body["username"]) == (200, expected)


async def test_while_the_outcome_of_a_rename_cannot_be_read_the_answer_is_503(
    user: MakePerson, users: FaultyCollection
) -> None:
    ada = await user("ada")
    users.fail("find_one_and_update", "reply_lost", "refused")
    assert (await ada.patch("/users/me", {"username": "Ada L."})).status == 503
    assert (await ada.get("/users/me")).status == 503
    assert (await ada.get("/users/me")).body["username"] == "Ada L."


async def test_two_users_never_have_one_name_in_memory(
    server: RunningServer, api: Api, user: MakePerson, users: FaultyCollection, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    users.fail("find_one_and_update", "reply_lost")
    assert (await ada.patch("/users/me", {"username": "zoe"})).status == 503
    assert (await bob.patch("/users/me", {"username": "ada"})).status == 200
    updates = [await feed.next("user_status_update") for _ in range(2)]
    assert [each["status"]["username"] for each in updates] == ["zoe", "ada"]
    users.fail("find_one_and_update", "reply_lost")
    assert (await bob.patch("/users/me", {"username": "max"})).status == 503
    assert (await api.post("/auth/register", credentials("ada"))).status == 201
    assert sorted(entry.profile.username for entry in server.core.registry) == ["ada", "max", "zoe"]


async def test_a_sign_out_everywhere_without_a_reply_shows_at_the_next_request(
    server: RunningServer, registered: MakePerson, users: FaultyCollection
) -> None:
    ada = await registered("ada")
    users.fail("find_one_and_update", "reply_lost")
    with pytest.raises(Exception, match="AutoReconnect"):
        await server.core.revocations.revoke(ada.user_id)
    assert (await ada.get("/users/me")).status == 401


@pytest.mark.any_store
@pytest.mark.embedded_store
@pytest.mark.settings(store_deadline_seconds=0.2, store_breaker_failures=1000)
async def test_a_rename_that_is_late_in_the_store_shows_at_the_next_request_that_is_answered(
    user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")
    committed = Writer._committed

    def committed_slowly(writer: Writer, group: Any) -> Any:
        monkeypatch.undo()
        time.sleep(0.5)
        return committed(writer, group)

    monkeypatch.setattr(Writer, "_committed", committed_slowly)
    assert (await ada.patch("/users/me", {"username": "Ada L."})).status == 503
    answer = await ada.get("/users/me")
    while answer.status == 503:
        answer = await ada.get("/users/me")
    assert (answer.status, answer.body["username"]) == (200, "Ada L.")


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
async def test_after_a_change_of_the_password_without_a_reply_the_password_that_is_stored_counts(
    server: RunningServer, api: Api, passwords: FaultyCollection, fault: Fault
) -> None:
    given, new = credentials(), secrets.token_hex(12)
    first = api.with_token((await api.post("/auth/register", given)).body["access_token"])
    other = api.with_token((await api.post("/auth/login", given)).body["access_token"])
    passwords.fail("find_one_and_update", fault)
    answer = await first.put("/users/me/password", {"old_password": given["password"], "new_password": new})
    assert answer.status == 503
    await server.core.save()
    is_changed = fault == "reply_lost"
    assert (await first.get("/users/me")).status == 200
    assert (await other.get("/users/me")).status == (401 if is_changed else 200)
    assert (await api.post("/auth/login", given)).status == (401 if is_changed else 200)
    assert (await api.post("/auth/login", {**given, "password": new})).status == (200 if is_changed else 401)


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
async def test_after_a_deletion_without_a_reply_the_next_request_says_whether_the_user_is_gone(
    server: RunningServer, user: MakePerson, users: FaultyCollection, socket: OpenSocket, fault: Fault
) -> None:
    ada, watching = await user("ada"), await socket(await user("bob"))
    users.fail("find_one_and_update", fault)
    assert (await ada.delete("/users/me")).status == 503
    assert (await ada.delete("/users/me")).status == (401 if fault == "reply_lost" else 204)
    assert (await watching.next("user_removed"))["user_id"] == ada.user_id
    assert ada.user_id not in server.core.registry
