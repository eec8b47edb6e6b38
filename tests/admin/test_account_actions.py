"""Account actions: admins enable, disable and delete users, and set their passwords."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from models.audit import AuditEntry
from models.errors import StoreUnavailable
from tests.admin.browser import JSON_PLEASE, Browser, fields_of
from tests.admin.conftest import SignedIn
from tests.clients import Answer, Api, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test]

URL = "/admin/accounts"
PASSWORD = f"a user's password {secrets.token_hex(8)}"
NEW = f"another password {secrets.token_hex(8)}"


@pytest.fixture(autouse=True)
def no_password_in_logs(secrets_seen: SecretsSeen) -> None:
    """The logs must not contain the passwords."""
    secrets_seen.note(PASSWORD)
    secrets_seen.note(NEW)


def order(action: str, user_id: int, **fields: str) -> dict[str, str]:
    """Return the fields of a form."""
    return {
        "action": action,
        "user_id": str(user_id),
        "reason": "a test",
        "request_id": f"request-{secrets.token_hex(8)}",
        **fields,
    }


async def act(browser: Browser, action: str, user_id: int, **fields: str) -> Answer:
    """Send an action as a script does."""
    return await browser.post(URL, order(action, user_id, **fields), headers=JSON_PLEASE)


async def audited(server: RunningServer, action: str) -> list[AuditEntry]:
    """Return the audit entries of an action, oldest first."""
    entries, _ = await server.stores.audit.page(action=action, skip=0, limit=100)
    return entries[::-1]


async def noor_of(api: Api) -> Person:
    """Register noor."""
    answer = await api.post("/auth/register", {"username": "noor", "password": PASSWORD})
    return Person(api, answer.body["user_id"], "noor", answer.body["access_token"])


async def log_in(api: Api, password: str) -> Answer:
    """Log noor in."""
    return await api.post("/auth/login", {"username": "noor", "password": password})


async def test_an_admin_sets_a_password_without_a_script(
    server: RunningServer, api: Api, signed_in: SignedIn, socket: OpenSocket
) -> None:
    noor = await noor_of(api)
    opened = await socket(noor)
    admin = await signed_in("admin")
    assert f'"{URL}?action=set_password&amp;user_id=1' in (await admin.get("/admin/users/1")).body
    page = (await admin.get(URL, action="set_password", user_id=1, next="/admin/users/1")).body
    assert "Set password: noor" in page
    assert "Affects 1 connection." in page
    answer = await admin.post(URL, [*fields_of(page), ("reason", "forgot it"), ("password", NEW)])
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users/1")
    after = (await admin.get("/admin/users/1")).body
    assert "Password of noor changed." in after
    assert NEW not in page + after
    assert await opened.closed() == 4501
    assert (await noor.get("/users/me")).status == 401
    assert ((await log_in(api, PASSWORD)).status, (await log_in(api, NEW)).status) == (401, 200)
    (entry,) = await audited(server, "set_password")
    assert (entry.operator, entry.target, entry.target_name, entry.reason) == ("admin", "user:1", "noor", "forgot it")
    assert (entry.before, entry.after, entry.outcome) == ("available, 1 connection", "new password", "done")


async def test_a_user_without_a_password_gets_one(api: Api, signed_in: SignedIn, user: MakePerson) -> None:
    await user("noor")
    answer = await act(await signed_in("admin"), "set_password", 1, password=NEW)
    assert (answer.status, answer.body["message"]) == (200, "Password of noor changed.")
    assert (await log_in(api, NEW)).status == 200


@pytest.mark.parametrize(
    ("password", "words"),
    [("", "at least 12"), ("short", "at least 12"), ("x" * 1025, "at most 1,024"), ("a nul\0in a password", "NUL")],
    ids=["nothing", "short", "long", "NUL"],
)
@pytest.mark.any_store
async def test_what_is_wrong_with_a_password_is_said_and_nothing_changes(
    password: str, words: str, api: Api, server: RunningServer, signed_in: SignedIn
) -> None:
    await noor_of(api)
    admin = await signed_in("admin")
    fields = order("set_password", 1, password=password)
    by_script, by_form = await admin.post(URL, fields, headers=JSON_PLEASE), await admin.post(URL, fields)
    assert (by_script.status, by_script.code, by_form.status) == (400, "INVALID_REQUEST", 400)
    assert words in by_script.body["error"]["message"]
    assert words in by_form.body
    assert dict(fields_of(by_form.body))["request_id"] == fields["request_id"]
    assert (await log_in(api, PASSWORD)).status == 200
    assert await audited(server, "set_password") == []


async def test_a_user_is_disabled_and_enabled_again(
    server: RunningServer, api: Api, signed_in: SignedIn, socket: OpenSocket
) -> None:
    noor = await noor_of(api)
    opened = await socket(noor)
    admin = await signed_in("admin")
    answer = await act(admin, "disable_user", 1)
    assert (answer.status, answer.body["message"]) == (200, "noor disabled.")
    assert await opened.closed() == 4501
    assert ((await noor.get("/users/me")).status, (await log_in(api, PASSWORD)).status) == (401, 401)
    page = (await admin.get("/admin/users/1")).body
    assert ("action=enable_user" in page, "action=disable_user" in page) == (True, False)

    answer = await act(admin, "enable_user", 1)
    assert (answer.status, answer.body["message"]) == (200, "noor enabled.")
    assert (await noor.get("/users/me")).status == 401
    pair = await log_in(api, PASSWORD)
    assert pair.status == 200
    assert (await api.with_token(pair.body["access_token"]).get("/users/me")).status == 200
    (disabled,), (enabled,) = await audited(server, "disable_user"), await audited(server, "enable_user")
    assert (disabled.before, disabled.after) == ("available, 1 connection", "disabled")
    assert (enabled.before, enabled.after) == ("offline, disabled", "enabled")


@pytest.mark.any_store
async def test_what_is_so_already_is_refused(signed_in: SignedIn, user: MakePerson) -> None:
    await user("noor")
    admin = await signed_in("admin")
    answer = await act(admin, "enable_user", 1)
    assert (answer.status, answer.code) == (409, "NOTHING_TO_DO")
    await act(admin, "disable_user", 1)
    assert (await act(admin, "disable_user", 1)).code == "NOTHING_TO_DO"


async def test_a_user_is_deleted_once_the_name_was_typed(
    server: RunningServer, api: Api, signed_in: SignedIn, socket: OpenSocket, user: MakePerson
) -> None:
    noor = await noor_of(api)
    opened, watching = await socket(noor), await socket(await user("bob"))
    admin = await signed_in("admin")
    page = (await admin.get(URL, action="delete_user", user_id=1, next="/admin/users")).body
    assert "Deletes noor for good, with all personal data." in page
    assert "Type “<bdi>noor</bdi>” to confirm" in page
    fields = [*fields_of(page), ("reason", "asked for it")]
    for typed in ([], [("name", "")], [("name", "nor")], [("name", "x" * 5000)]):
        answer = await admin.post(URL, [*fields, *typed])
        assert (answer.status, "Type the name of the user" in answer.body) == (400, True)
    assert (await noor.get("/users/me")).status == 200

    answer = await admin.post(URL, [*fields, ("name", "noor")])
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users")
    assert "noor deleted." in (await admin.get("/admin/users")).body
    assert await opened.closed() == 4501
    assert (await watching.next("user_removed"))["user_id"] == 1
    assert ((await noor.get("/users/me")).status, (await log_in(api, PASSWORD)).status) == (401, 401)
    assert (await admin.get("/admin/users/1")).status == 404
    (entry,) = await audited(server, "delete_user")
    assert (entry.target, entry.target_name, entry.after) == ("user:1", "deleted user #1", "deleted")
    assert (entry.reason, entry.outcome) == ("asked for it", "done")


async def test_a_deletion_that_is_sent_again_answers_the_same(api: Api, signed_in: SignedIn) -> None:
    await noor_of(api)
    admin = await signed_in("admin")
    fields = order("delete_user", 1, name="Noor")
    first, again = [await admin.post(URL, fields, headers=JSON_PLEASE) for _ in range(2)]
    assert (first.status, first.body["message"]) == (200, "noor deleted.")
    assert (again.status, again.body) == (first.status, first.body)
    assert (await act(admin, "delete_user", 1, name="noor")).status == 404


@pytest.mark.any_store
@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_others_than_admins_may_not_and_the_attempt_is_in_the_audit(
    role: Any, server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    noor = await user("noor")
    browser = await signed_in(role)
    assert URL not in (await browser.get("/admin/users/1")).body
    answer = await act(browser, "delete_user", 1, name="noor")
    assert (answer.status, answer.code) == (403, "ROLE_TOO_LOW")
    assert (await noor.get("/users/me")).status == 200
    (entry,) = await audited(server, "delete_user")
    assert (entry.operator, entry.outcome) == (role, "refused: ROLE_TOO_LOW")


@pytest.mark.any_store
async def test_the_actions_of_operators_and_of_admins_have_their_own_urls(
    signed_in: SignedIn, user: MakePerson
) -> None:
    await user("noor")
    admin = await signed_in("admin")
    fields = order("delete_user", 1, name="noor")
    assert (await admin.post("/admin/actions", fields, headers=JSON_PLEASE)).status == 400
    assert (await act(admin, "sign_out", 1)).status == 400
    assert (await act(admin, "delete", 1)).status == 400


@pytest.mark.any_store
async def test_each_form_needs_a_reason_a_token_and_one_user(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("noor")
    admin = await signed_in("admin")
    assert (await act(admin, "disable_user", 1, reason="")).status == 400
    assert (await act(admin, "disable_user", 99)).status == 404
    assert (await admin.post(URL, order("disable_user", 1), with_xsrf=False)).status == 403
    two = [*order("disable_user", 1).items(), ("user_id", "2")]
    assert (await admin.post(URL, two, headers=JSON_PLEASE)).status == 400
    assert server.core.registry.get(1).disabled is False


@pytest.mark.any_store
async def test_while_the_store_is_away_it_is_refused_and_said_so(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    await user("noor")
    admin = await signed_in("admin")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("models.user_passwords.UserPasswords.set", away)
        answer = await act(admin, "set_password", 1, password=NEW)
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    (entry,) = await audited(server, "set_password")
    assert entry.outcome == "refused: STORE_UNAVAILABLE"


@pytest.mark.also_clustered
async def test_what_an_admin_does_on_one_server_counts_on_all(
    api: Api, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    noor, bob, admin = await noor_of(api), await user("bob"), await signed_in("admin")
    sockets, watching = [await socket(noor) for _ in range(3)], [await socket(bob) for _ in range(3)]
    assert (await act(admin, "set_password", noor.user_id, password=NEW)).status == 200
    assert [await each.closed() for each in sockets] == [4501] * 3
    assert [(await noor.get("/users/me")).status for _ in range(3)] == [401] * 3
    assert [(await log_in(api, PASSWORD)).status for _ in range(3)] == [401] * 3
    assert [(await log_in(api, NEW)).status for _ in range(3)] == [200] * 3

    assert (await act(admin, "disable_user", noor.user_id)).status == 200
    assert [(await log_in(api, NEW)).status for _ in range(3)] == [401] * 3
    assert (await act(admin, "enable_user", noor.user_id)).status == 200
    token = (await log_in(api, NEW)).body["access_token"]
    assert [(await api.with_token(token).get("/users/me")).status for _ in range(3)] == [200] * 3

    assert (await act(admin, "delete_user", noor.user_id, name="noor")).status == 200
    assert [(await each.next("user_removed"))["user_id"] for each in watching] == [noor.user_id] * 3
    assert [(await api.with_token(token).get("/users/me")).status for _ in range(3)] == [401] * 3
    assert [(await bob.get(f"/users/{noor.user_id}/presence")).status for _ in range(3)] == [404] * 3
