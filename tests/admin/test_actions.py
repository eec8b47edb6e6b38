"""Actions: confirmed, given a reason, carried out once, and recorded in the audit log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handlers.admin.action_runner import AT_ONCE
from models.audit import AuditEntry
from models.errors import StoreUnavailable
from realtime.protocol import CloseCode
from tests.admin.browser import JSON_PLEASE, Browser, fields_of
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.clients import Answer, Person, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

REQUEST = "request-0123456789"


def order(action: str, **fields: Any) -> dict[str, str]:
    """Return the fields of an action form."""
    return {"action": action, "reason": "a test", "request_id": REQUEST, **{key: str(of) for key, of in fields.items()}}


async def act(browser: Browser, action: str, **fields: Any) -> Answer:
    """Send an action as the page's script does."""
    return await browser.post("/admin/actions", order(action, **fields), headers=JSON_PLEASE)


async def audited(server: RunningServer, action: str) -> list[AuditEntry]:
    """Return the audit entries of an action, oldest first."""
    entries, _ = await server.stores.audit.page(action=action, skip=0, limit=100)
    return entries[::-1]


async def online(user: MakePerson, name: str) -> Person:
    """Create a user and send a heartbeat."""
    person = await user(name)
    await person.post("/users/me/heartbeat")
    return person


async def in_a_call(user: MakePerson) -> tuple[Person, Person, str]:
    """Create two users on a call. Returns them and the call's id."""
    ada, bob = await online(user, "ada"), await online(user, "bob")
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body
    return ada, bob, call["call_id"]


async def status(person: Person) -> dict[str, Any]:
    """Return the status that everyone sees."""
    answer: dict[str, Any] = (await person.get("/users/me/status")).body
    return answer


async def test_without_a_script_a_page_asks_and_a_form_acts(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await online(user, "ada"), await user("bob")
    await socket(ada, "/ws/presence")
    watching = await socket(bob)
    browser = await signed_in("operator")
    page = await browser.get("/admin/actions", action="force_offline", user_id=ada.user_id, next="/admin/users/1")
    assert "Force offline: ada" in page.body
    assert "Affects 1 connection." in page.body
    answer = await browser.post("/admin/actions", [*fields_of(page.body), ("reason", "left the laptop open")])
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users/1")
    assert (await watching.next("user_status_update", user_id=ada.user_id))["reason"] == "operator"
    after = (await browser.get("/admin/users/1")).body
    assert "Force offline, ada: " in after
    assert "forced offline by operator" in after
    assert "left the laptop open" in after
    assert "Force offline, ada: " not in (await browser.get("/admin/users/1")).body  # shown only once


async def test_a_script_is_told_what_it_would_hit(signed_in: SignedIn, user: MakePerson, socket: OpenSocket) -> None:
    ada, _, _ = await in_a_call(user)
    await socket(ada)
    browser = await signed_in("operator")
    answer = await browser.get("/admin/actions", headers=JSON_PLEASE, action="force_offline", user_id=ada.user_id)
    assert answer.status == 200
    assert len(answer.body.pop("request_id")) >= 16
    assert answer.body == {
        "title": "Force offline: ada",
        "effect": "Waits until the call with bob ends. "
        "Then ada is shown as offline to everyone until the next heartbeat.",
        "effect_now": "Ends the call with bob now. Then ada is shown as offline to everyone until the next heartbeat.",
        "hits": ["1 connection", "1 call with bob"],
        "hits_now": ["1 call with bob"],
        "waits": True,
        "count": 1,
    }


async def test_an_action_is_written_down_with_all_that_belongs_to_it(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await online(user, "ada")
    answer = await act(await signed_in("operator"), "force_offline", user_id=ada.user_id)
    assert (answer.status, answer.body["outcome"]) == (200, "done")
    (entry,) = await audited(server, "force_offline")
    assert (entry.operator, entry.target, entry.target_name) == ("operator", "user:1", "ada")
    assert (entry.before, entry.after) == ("available", "offline")
    assert (entry.reason, entry.address, entry.outcome) == ("a test", "127.0.0.1", "done")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "two\nlines"])
async def test_without_a_reason_nothing_is_done(
    reason: str, server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")
    fields = {**order("force_offline", user_id=ada.user_id), "reason": reason}
    by_script = await browser.post("/admin/actions", fields, headers=JSON_PLEASE)
    by_form = await browser.post("/admin/actions", fields)
    assert (by_script.status, by_script.code, by_form.status) == (400, "INVALID_REQUEST", 400)
    assert dict(fields_of(by_form.body))["request_id"] == REQUEST
    assert "Give a reason" in by_form.body
    assert (await status(ada))["is_online"] is True


async def test_a_form_that_is_sent_twice_acts_once_and_answers_the_same(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")
    first = await act(browser, "force_offline", user_id=ada.user_id)
    await ada.post("/users/me/heartbeat")
    second = await act(browser, "force_offline", user_id=ada.user_id)
    assert (first.status, first.body) == (second.status, second.body)
    assert (await status(ada))["is_online"] is True
    assert len(await audited(server, "force_offline")) == 1


async def test_two_clicks_at_once_act_once(server: RunningServer, signed_in: SignedIn, user: MakePerson) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")
    answers = await asyncio.gather(*(act(browser, "force_offline", user_id=ada.user_id) for _ in range(5)))
    assert [answer.body for answer in answers] == [answers[0].body] * 5
    assert len(await audited(server, "force_offline")) == 1
    events = [event for event in server.core.event_log.latest() if event.kind == "action"]
    assert len(events) == 1


async def test_a_form_that_is_sent_again_after_a_restart_acts_once(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")
    await act(browser, "force_offline", user_id=ada.user_id)
    await server.restart()
    await ada.post("/users/me/heartbeat")
    answer = await act(browser, "force_offline", user_id=ada.user_id)
    assert (answer.status, answer.body["outcome"]) == (200, "done")
    assert (await status(ada))["is_online"] is True


async def test_the_request_of_one_operator_is_not_anothers(
    signed_in: SignedIn, operator: AddOperator, new_browser: Callable[[], Browser], user: MakePerson
) -> None:
    ada = await online(user, "ada")
    await operator("operator", "other")
    other = await new_browser().signed_in("other", PASSWORD)
    await act(await signed_in("operator"), "force_offline", user_id=ada.user_id)
    await ada.post("/users/me/heartbeat")
    await act(other, "force_offline", user_id=ada.user_id)
    assert (await status(ada))["is_online"] is False


async def test_what_was_begun_and_never_told_is_not_done_again(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("models.audit.Audit.finish", away)
        assert (await act(browser, "force_offline", user_id=ada.user_id)).status == 503
    await ada.post("/users/me/heartbeat")
    answer = await act(browser, "force_offline", user_id=ada.user_id)
    assert (answer.status, answer.code) == (409, "UNKNOWN_OUTCOME")
    assert (await status(ada))["is_online"] is True


async def test_in_a_call_it_waits_for_the_end_and_then_says_so_in_the_audit(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, _, call_id = await in_a_call(user)
    browser = await signed_in("operator")
    answer = await act(browser, "force_offline", user_id=ada.user_id)
    assert (answer.status, answer.body["outcome"]) == (200, "waiting")
    assert (await status(ada))["is_online"] is True
    assert "Pending: force offline, by operator" in (await browser.get("/admin/users/1")).body
    await ada.post("/calls/end", {"call_id": call_id})
    await eventually(lambda: not server.core.registry.get(ada.user_id).status.is_online)
    async with asyncio.timeout(5):
        while (await audited(server, "force_offline"))[0].outcome == "waiting":
            await asyncio.sleep(0)
    (entry,) = await audited(server, "force_offline")
    assert (entry.outcome, entry.after) == ("done", "offline")


async def test_what_waits_survives_a_restart_and_a_second_one_is_refused(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, _, call_id = await in_a_call(user)
    browser = await signed_in("operator")
    await act(browser, "force_offline", user_id=ada.user_id)
    await server.restart()
    assert "Pending: force offline, by operator" in (await browser.get("/admin/users/1")).body
    second = await act(browser, "force_offline", request_id="another-form", user_id=ada.user_id)
    assert (second.status, second.code) == (409, "ACTION_WAITING")
    await ada.post("/calls/end", {"call_id": call_id})
    async with asyncio.timeout(5):
        while (await audited(server, "force_offline"))[0].outcome == "waiting":
            await asyncio.sleep(0)
    outcomes = sorted(each.outcome for each in await audited(server, "force_offline"))
    assert outcomes == ["done", "refused: ACTION_WAITING"]
    assert (await status(ada))["is_online"] is False


async def test_now_means_now(signed_in: SignedIn, user: MakePerson) -> None:
    ada, bob, _ = await in_a_call(user)
    answer = await act(await signed_in("operator"), "force_offline", user_id=ada.user_id, now="1")
    assert answer.body["outcome"] == "done"
    assert (await status(ada))["is_online"] is False
    assert (await status(bob))["is_busy"] is False


async def test_a_call_is_ended_for_both_and_its_page_says_who_did(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, call_id = await in_a_call(user)
    browser = await signed_in("operator")
    asked = await browser.get("/admin/actions", headers=JSON_PLEASE, action="end_call", call_id=call_id)
    assert asked.body["effect"].startswith("The audio call began less than a minute ago. Ends the call for both.")
    answer = await act(browser, "end_call", call_id=call_id)
    assert answer.body["outcome"] == "done"
    assert [(await status(each))["is_busy"] for each in (ada, bob)] == [False, False]
    await server.stores.events.add_many(server.core.event_log.unsaved(100))
    page = (await browser.get(f"/admin/calls/{call_id}")).body
    assert "an operator ended it" in page
    (entry,) = await audited(server, "end_call")
    assert (entry.target, entry.target_name) == (f"call:{call_id}", "ada and bob")


async def test_how_long_a_call_has_lasted_is_said_in_minutes(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, call_id = await in_a_call(user)
    overview = server.core.overview
    (started,) = [each.started_at for each in overview.calls()]
    browser = await signed_in("operator")
    for lasted, words in ((59_999, "began less than a minute ago"), (754_000, "has lasted 12 min so far")):
        monkeypatch.setattr(type(overview), "now", property(lambda _, lasted=lasted: started + lasted))
        asked = await browser.get("/admin/actions", headers=JSON_PLEASE, action="end_call", call_id=call_id)
        assert asked.body["effect"].startswith(f"The audio call {words}. ")


async def test_one_socket_is_disconnected_and_the_others_stay(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    first, second = await socket(ada), await socket(ada)
    browser = await signed_in("operator")
    chosen = server.core.overview.sessions(ada.user_id)[0]  # the newest session
    page = (await browser.get("/admin/users/1")).body
    assert f"session_id={chosen.session_id}" in page
    await act(browser, "disconnect", user_id=ada.user_id, session_id=chosen.session_id)
    assert await second.closed() == CloseCode.REVOKED
    await first.quiet()


async def test_signed_out_everywhere_tokens_stop_working(
    signed_in: SignedIn, registered: Callable[[str], Awaitable[Person]]
) -> None:
    ada = await registered("ada")
    assert (await ada.get("/users/me")).status == 200
    await act(await signed_in("operator"), "sign_out", user_id=ada.user_id)
    assert (await ada.get("/users/me")).status == 401


async def test_an_action_on_several_hits_exactly_those_named(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    people = [await online(user, name) for name in ("ada", "bob", "cem", "dan")]
    browser = await signed_in("operator")
    listed = (await browser.get("/admin/users", status="available", q="a")).body  # ada and dan
    assert "Force offline 2 users…" in listed
    chosen = list(dict.fromkeys(each for each in fields_of(listed) if each[0] == "user_id"))
    assert len(chosen) == 2
    page = await browser.request(
        "GET", "/admin/actions?action=force_offline&" + "&".join(f"{name}={value}" for name, value in chosen)
    )
    assert "Force offline: 2 users" in page.body
    answer = await browser.post("/admin/actions", [*fields_of(page.body), ("reason", "closing time")])
    assert answer.status == 303
    assert [(await status(each))["is_online"] for each in people] == [False, True, True, False]
    assert len(await audited(server, "force_offline")) == 2
    assert "Force offline: 2 done." in (await browser.get("/admin/users")).body


async def test_of_several_each_is_told_by_itself(signed_in: SignedIn, user: MakePerson) -> None:
    ada, bob = await online(user, "ada"), await user("bob")
    browser = await signed_in("operator")
    fields = [*order("force_offline").items(), ("user_id", str(ada.user_id)), ("user_id", str(bob.user_id))]
    answer = await browser.post("/admin/actions", fields, headers=JSON_PLEASE)
    assert (answer.status, answer.body["outcome"]) == (200, "done")
    assert answer.body["message"] == "Force offline: 1 done, 1 with nothing to do."
    assert [(each["name"], each["outcome"], each.get("code")) for each in answer.body["results"]] == [
        ("ada", "done", None),
        ("bob", "refused", "NOTHING_TO_DO"),
    ]


@pytest.mark.settings(action_targets_limit=3)
async def test_there_is_a_limit_to_how_many(signed_in: SignedIn) -> None:
    fields = [*order("force_offline").items(), *(("user_id", str(number)) for number in range(1, 5))]
    answer = await (await signed_in("operator")).post("/admin/actions", fields, headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"action": "force_offline", "user_id": "99"}, 404, "NOT_FOUND"),
        ({"action": "force_offline", "user_id": "x"}, 404, "NOT_FOUND"),
        ({"action": "force_offline", "user_id": "1"}, 409, "NOTHING_TO_DO"),
        ({"action": "disconnect", "user_id": "1"}, 409, "NOTHING_TO_DO"),
        ({"action": "force_offline"}, 400, "INVALID_REQUEST"),
        ({"action": "delete", "user_id": "1"}, 400, "INVALID_REQUEST"),
        ({"user_id": "1"}, 400, "INVALID_REQUEST"),
        ({"action": "end_call", "user_id": "1"}, 400, "INVALID_REQUEST"),
        ({"action": "sign_out", "user_id": "1", "session_id": "x"}, 400, "INVALID_REQUEST"),
        ({"action": "sign_out", "user_id": "1", "request_id": ""}, 400, "INVALID_REQUEST"),
        ({"action": "sign_out", "user_id": "1", "request_id": "a b c d e f g"}, 400, "INVALID_REQUEST"),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    fields: dict[str, str], status: int, code: str, server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    browser = await signed_in("operator")
    given = {"reason": "a test", "request_id": REQUEST, **fields}
    answer = await browser.post("/admin/actions", given, headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (status, code)
    assert server.core.registry.get(1).record.token_version == 0


async def test_a_form_that_is_refused_says_so_on_the_next_page(signed_in: SignedIn, user: MakePerson) -> None:
    await user("ada")
    browser = await signed_in("operator")
    answer = await browser.post("/admin/actions", {**order("force_offline", user_id=1), "next": "/admin/users/1"})
    assert answer.status == 303
    page = (await browser.get("/admin/users/1")).body
    assert '<p class="notice refused" role="status">Force offline, ada: ada is already offline.</p>' in page


async def test_refused_attempts_are_written_down_too(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    await act(await signed_in("operator"), "force_offline", user_id=1)
    assert (await act(await signed_in("viewer"), "sign_out", user_id=1)).status == 403
    (nothing_to_do,) = await audited(server, "force_offline")
    (not_allowed,) = await audited(server, "sign_out")
    assert (nothing_to_do.operator, nothing_to_do.outcome) == ("operator", "refused: NOTHING_TO_DO")
    assert (not_allowed.operator, not_allowed.outcome) == ("viewer", "refused: ROLE_TOO_LOW")


@pytest.mark.settings(refused_action_burst=3, refused_actions_per_second=0.0001)
async def test_whose_actions_are_refused_too_often_fills_no_audit(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    viewer, operator = await signed_in("viewer"), await signed_in("operator")
    answers = [await act(viewer, "sign_out", user_id=1, request_id=f"{REQUEST}-{number}") for number in range(6)]
    assert [each.status for each in answers] == [403, 403, 403, 429, 429, 429]
    assert answers[-1].code == "TOO_MANY_REQUESTS"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert len(await audited(server, "sign_out")) == 3
    nothing = [await act(operator, "force_offline", user_id=1, request_id=f"{REQUEST}-{number}") for number in range(6)]
    assert [each.code for each in nothing] == ["NOTHING_TO_DO"] * 3 + ["TOO_MANY_REQUESTS"] * 3
    assert len(await audited(server, "force_offline")) == 3


@pytest.mark.settings(refused_action_burst=3, refused_actions_per_second=0.0001)
async def test_an_attempt_on_many_users_is_recorded_for_as_many_as_there_is_room(
    server: RunningServer, signed_in: SignedIn
) -> None:
    fields = [*order("sign_out").items(), *(("user_id", str(number)) for number in range(1, 101))]
    viewer = await signed_in("viewer")
    assert (await viewer.post("/admin/actions", fields, headers=JSON_PLEASE)).status == 403
    assert len(await audited(server, "sign_out")) == 3


@pytest.mark.settings(refused_action_burst=3, refused_actions_per_second=0.0001)
async def test_an_action_that_is_refused_for_many_users_fills_no_audit(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    fields = [*order("sign_out").items(), *(("user_id", str(number)) for number in (*range(1001, 1051), 1))]
    operator = await signed_in("operator")
    answer = await operator.post("/admin/actions", fields, headers=JSON_PLEASE)
    codes = Counter(each["code"] for each in answer.body["results"])
    assert 3 <= codes["NOT_FOUND"] == len(await audited(server, "sign_out")) <= 2 + AT_ONCE
    assert codes["TOO_MANY_REQUESTS"] == 51 - codes["NOT_FOUND"]
    assert server.core.registry.get(1).record.token_version == 0
    assert (await act(operator, "sign_out", user_id=1, request_id=f"{REQUEST}-2")).status == 429


@pytest.mark.settings(refused_action_burst=3, refused_actions_per_second=0.0001)
async def test_an_action_that_is_sent_again_gets_the_same_answer_although_the_limit_is_nearly_reached(
    signed_in: SignedIn,
) -> None:
    fields = [*order("sign_out").items(), *(("user_id", str(number)) for number in (1001, 1002))]
    operator = await signed_in("operator")
    answers = [(await operator.post("/admin/actions", fields, headers=JSON_PLEASE)).body for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.settings(refused_action_burst=1, refused_actions_per_second=0.0001)
async def test_actions_that_are_carried_out_are_not_limited(signed_in: SignedIn, user: MakePerson) -> None:
    await user("ada")
    operator = await signed_in("operator")
    for number in range(5):
        assert (await act(operator, "sign_out", user_id=1, request_id=f"{REQUEST}-{number}")).status == 200


async def test_busy_is_cleared(signed_in: SignedIn, user: MakePerson) -> None:
    ada = await online(user, "ada")
    await ada.put("/users/me/status", {"is_busy": True})
    await act(await signed_in("operator"), "clear_busy", user_id=1)
    assert (await status(ada))["is_available"] is True


async def test_an_event_tells_the_other_operators(server: RunningServer, signed_in: SignedIn, user: MakePerson) -> None:
    ada = await online(user, "ada")
    browser = await signed_in("operator")
    await act(browser, "force_offline", user_id=ada.user_id)
    await server.stores.events.add_many(server.core.event_log.unsaved(100))
    assert "operator forced ada offline" in (await browser.get("/admin/events", kind="action")).body


async def test_what_takes_long_says_how_far_it_is(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await online(user, f"user {number}") for number in range(40)]
    browser = await signed_in("operator")
    go_on, begun = asyncio.Event(), []
    begin = server.stores.audit.begin

    async def begin_slowly(entry: AuditEntry) -> AuditEntry | None:
        begun.append(entry)
        if len(begun) > 20:
            await go_on.wait()
        return await begin(entry)

    monkeypatch.setattr(server.stores.audit, "begin", begin_slowly)
    fields = [*order("force_offline").items(), *(("user_id", str(person.user_id)) for person in people)]
    acting = asyncio.ensure_future(browser.post("/admin/actions", fields, headers=JSON_PLEASE))
    url, told = f"/admin/actions/progress?request_id={REQUEST}", {}
    async with asyncio.timeout(5):
        while told != {"done": 20, "count": 40}:
            told = (await browser.get(url, headers=JSON_PLEASE)).body
    go_on.set()
    assert (await acting).body["message"] == "Force offline: 40 done."
    assert (await browser.get(url, headers=JSON_PLEASE)).status == 404


async def test_of_several_only_those_are_counted_for_whom_there_is_something_to_do(
    signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, _ = await in_a_call(user)
    cem = await user("cem")
    await socket(ada)
    browser = await signed_in("operator")
    ids = "&".join(f"user_id={user_id}" for user_id in (ada.user_id, bob.user_id, cem.user_id, 99))
    answer = await browser.get(f"/admin/actions?action=force_offline&{ids}", headers=JSON_PLEASE)
    assert (answer.body["title"], answer.body["count"], answer.body["waits"]) == ("Force offline: 2 users", 2, True)
    assert answer.body["hits"] == ["1 connection", "1 call"]
    assert len(answer.body["unchanged"]) == 2
    nobody = await browser.get("/admin/actions?action=force_offline&user_id=98&user_id=99", headers=JSON_PLEASE)
    assert (nobody.status, nobody.code) == (409, "NOTHING_TO_DO")
