"""Roles: every URL and every method, for each kind of visitor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tornado.web import Application, RequestHandler

from handlers.admin.base import AdminHandler
from tests.admin.browser import Browser
from tests.admin.conftest import PASSWORD, AddOperator
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.any_store

VISITORS = ("anonymous", "user's JWT", "viewer", "operator", "admin", "disabled operator")

Row = tuple[int, int, int, int, int, int]

EVERYBODY_SIGNED_IN: Row = (303, 303, 200, 200, 200, 303)
ADMINS: Row = (303, 303, 403, 403, 200, 303)
FORM_OF_ADMINS: Row = (401, 401, 403, 403, 303, 401)

TABLE: dict[tuple[str, str, str], Row] = {
    ("GET", "/admin/login", "/admin/login"): (200, 200, 303, 303, 303, 200),
    ("POST", "/admin/login", "/admin/login"): (401, 401, 401, 401, 401, 401),
    ("GET", "/admin", "/admin"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/wall", "/admin/wall"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/overview", "/admin/overview"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/samples", "/admin/samples"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/users", "/admin/users"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/users/([^/]+)", "/admin/users/1"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/users/([^/]+)/day.csv", "/admin/users/1/day.csv"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/users/([^/]+)/totals.csv", "/admin/users/1/totals.csv"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/calls", "/admin/calls"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/calls.csv", "/admin/calls.csv"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/calls/([^/]+)", "/admin/calls/unknown"): (303, 303, 404, 404, 404, 303),
    ("GET", "/admin/events", "/admin/events"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/events.csv", "/admin/events.csv"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/board", "/admin/board"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/audit", "/admin/audit"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/audit.csv", "/admin/audit.csv"): EVERYBODY_SIGNED_IN,
    ("GET", "/admin/actions", "/admin/actions?action=sign_out&user_id=1"): (303, 303, 403, 200, 200, 303),
    ("POST", "/admin/actions", "/admin/actions"): (401, 401, 403, 303, 303, 401),
    ("GET", "/admin/accounts", "/admin/accounts?action=set_password&user_id=1"): ADMINS,
    ("POST", "/admin/accounts", "/admin/accounts"): FORM_OF_ADMINS,
    ("GET", "/admin/actions/progress", "/admin/actions/progress?request_id=x"): (303, 303, 403, 404, 404, 303),
    ("POST", "/admin/attention", "/admin/attention"): (401, 401, 403, 303, 303, 401),
    ("GET", "/admin/saved-filters", "/admin/saved-filters"): EVERYBODY_SIGNED_IN,
    ("POST", "/admin/saved-filters", "/admin/saved-filters"): (401, 401, 303, 303, 303, 401),
    ("POST", "/admin/columns", "/admin/columns"): (401, 401, 400, 400, 400, 401),
    ("POST", "/admin/time-zone", "/admin/time-zone"): (401, 401, 303, 303, 303, 401),
    ("GET", "/admin/system", "/admin/system"): ADMINS,
    ("POST", "/admin/webhooks", "/admin/webhooks"): (401, 401, 403, 403, 404, 401),
    ("GET", "/admin/operators", "/admin/operators"): ADMINS,
    ("POST", "/admin/operators", "/admin/operators"): FORM_OF_ADMINS,
    ("GET", "/admin/operators/([^/]+)", "/admin/operators/1?change=reset"): ADMINS,
    ("POST", "/admin/operators/([^/]+)", "/admin/operators/1"): FORM_OF_ADMINS,
    ("GET", "/admin/screens", "/admin/screens"): ADMINS,
    ("POST", "/admin/screens", "/admin/screens"): (401, 401, 403, 403, 200, 401),
    ("GET", "/admin/screens/([^/]+)", "/admin/screens/unknown?change=revoke"): (303, 303, 403, 403, 404, 303),
    ("POST", "/admin/screens/([^/]+)", "/admin/screens/unknown"): (401, 401, 403, 403, 404, 401),
    ("GET", "/admin/screen", "/admin/screen"): (200, 200, 200, 200, 200, 200),
    ("POST", "/admin/screen", "/admin/screen"): (401, 401, 401, 401, 401, 401),
    ("GET", "/admin/screen/overview", "/admin/screen/overview"): (401, 401, 401, 401, 401, 401),
    ("GET", "/ws/screens", "/ws/screens"): (400, 400, 400, 400, 400, 400),
    ("GET", "/admin/password", "/admin/password"): EVERYBODY_SIGNED_IN,
    ("POST", "/admin/password", "/admin/password"): (401, 401, 400, 400, 400, 401),
    ("GET", "/admin/sign-ins", "/admin/sign-ins"): EVERYBODY_SIGNED_IN,
    ("POST", "/admin/sign-ins", "/admin/sign-ins"): (401, 401, 404, 404, 404, 401),
    ("GET", "/admin/(.*)", "/admin/nothing"): (303, 303, 404, 404, 404, 303),
    ("GET", "/ws/operators", "/ws/operators"): (400, 400, 400, 400, 400, 400),
    ("POST", "/admin/logout", "/admin/logout"): (401, 401, 303, 303, 303, 401),  # last, because it ends the sign-in
}
"""(method, route, URL): the status for each visitor. The socket's URL rejects requests without an upgrade."""

FORMS = {
    "/admin/login": {"name": "nobody", "password": "wrong"},
    "/admin/actions": {"action": "sign_out", "user_id": "1", "reason": "a test", "request_id": "0123456789"},
    "/admin/attention": {"issue": "long_call:gone", "minutes": "10"},
    "/admin/accounts": {
        "action": "set_password", "user_id": "1", "reason": "a test", "request_id": "9876543210", "password": PASSWORD,
    },
    "/admin/operators": {"name": "another", "password": PASSWORD, "role": "viewer"},
    "/admin/operators/1": {"change": "enable"},
    "/admin/screens": {"name": "Lobby"},
    "/admin/screens/unknown": {"change": "revoke"},
    "/admin/screen": {"code": "a link that nobody made"},
}  # fmt: skip
"""The fields of each form."""

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def handlers(server: RunningServer) -> dict[str, type[AdminHandler]]:
    """Return the handlers of the dashboard by route."""
    application = server.server._http.request_callback
    assert isinstance(application, Application)
    by_route = {
        rule.matcher.regex.pattern.rstrip("$").replace("\\", ""): rule.target  # type: ignore[attr-defined]
        for rule in application.wildcard_router.rules
    }
    return {route: target for route, target in by_route.items() if issubclass(target, AdminHandler)}


def verbs(handler: type[RequestHandler]) -> list[str]:
    """Return the methods that a handler implements."""
    unknown = RequestHandler._unimplemented_method
    return [each for each in ALL_METHODS if getattr(handler, each.lower()) is not unknown]


def test_the_table_lists_every_verb_of_every_url(server: RunningServer) -> None:
    there = {(verb, route) for route, handler in handlers(server).items() for verb in verbs(handler)}
    assert {(method, route) for method, route, _ in TABLE} == there


def test_every_verb_says_who_may_use_it(server: RunningServer) -> None:
    silent = [
        f"{verb} {route}"
        for route, handler in handlers(server).items()
        for verb in verbs(handler)
        if getattr(getattr(handler, verb.lower()), "allowed", None) is None
    ]
    assert silent == []


def test_only_the_sign_in_is_anybodys(server: RunningServer) -> None:
    anybodys = {
        route
        for route, handler in handlers(server).items()
        for verb in verbs(handler)
        if getattr(handler, verb.lower()).allowed == "anybody"  # type: ignore[attr-defined]
    }
    assert anybodys == {"/admin/login", "/admin/screen"}  # of operators, and of screens


async def come_as(
    visitor: str, server: RunningServer, browser: Browser, operator: AddOperator, user: MakePerson
) -> dict[str, str]:
    """Sign the browser in as the visitor. Returns the additional headers that the visitor sends."""
    ada = await user("ada")
    await operator("admin", "first")
    await operator("admin", "second")  # so that neither is the last admin
    if visitor == "user's JWT":
        return {"Authorization": f"Bearer {ada.token}"}
    if visitor == "disabled operator":
        shut_out = await operator("admin", "shut out")
        await browser.signed_in(shut_out.name, PASSWORD)
        await server.stores.operators.change(shut_out.operator_id, disabled=True)
    elif visitor != "anonymous":
        await operator(visitor)  # type: ignore[arg-type]
        await browser.signed_in(visitor, PASSWORD)
    return {}


@pytest.mark.gen_test
@pytest.mark.parametrize("visitor", VISITORS)
async def test_every_verb_of_every_url_answers_as_the_table_says(
    visitor: str, server: RunningServer, browser: Browser, operator: AddOperator, user: MakePerson
) -> None:
    headers = await come_as(visitor, server, browser, operator, user)
    seen: dict[tuple[str, str, str], int] = {}
    for method, route, url in TABLE:
        if method == "GET":
            answer = await browser.get(url, headers=headers)
        else:
            answer = await browser.post(url, FORMS.get(url, {}), headers=headers)
        seen[method, route, url] = answer.status
    assert seen == {key: row[VISITORS.index(visitor)] for key, row in TABLE.items()}


@pytest.mark.gen_test
@pytest.mark.parametrize("visitor", VISITORS)
async def test_a_verb_that_a_url_does_not_have_is_405_for_everybody(
    visitor: str, server: RunningServer, browser: Browser, operator: AddOperator, user: MakePerson
) -> None:
    headers = await come_as(visitor, server, browser, operator, user)
    await browser.get("/admin/login", headers=headers)
    if not browser.xsrf:
        await browser.get("/admin", headers=headers)
    headers["X-Xsrftoken"] = browser.xsrf
    known = handlers(server)
    wrong = []
    for method, route, url in TABLE:
        there = verbs(known[route])
        for other in set(ALL_METHODS) - {*there, "HEAD" if known[route].answers_head and "GET" in there else ""}:
            answer = await browser.request(other, url, headers=headers)
            wrong += [f"{other} {url} → {answer.status}"] if answer.status != 405 and route != "/ws/operators" else []
        assert method in ALL_METHODS
    assert wrong == []


@pytest.mark.gen_test
@pytest.mark.parametrize("visitor", VISITORS)
async def test_head_is_answered_as_get_for_everybody(
    visitor: str, server: RunningServer, browser: Browser, operator: AddOperator, user: MakePerson
) -> None:
    headers = await come_as(visitor, server, browser, operator, user)
    for method, route, url in TABLE:
        if method == "GET" and handlers(server)[route].answers_head:
            answer = await browser.request("HEAD", url, headers=headers)
            assert (answer.status, answer.body) == (TABLE[method, route, url][VISITORS.index(visitor)], ""), url


@pytest.mark.gen_test
async def test_who_may_not_act_sees_no_button_that_acts(
    operator: AddOperator, new_browser: Callable[[], Browser], user: MakePerson
) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    shown = {}
    for role in ("viewer", "operator"):
        await operator(role)  # type: ignore[arg-type]
        browser = await new_browser().signed_in(role, PASSWORD)
        pages = [await browser.get(path) for path in ("/admin", "/admin/users?status=available", "/admin/users/1")]
        shown[role] = ['"/admin/actions' in page.body for page in pages]
    assert shown == {"viewer": [False] * 3, "operator": [True] * 3}


@pytest.mark.gen_test
async def test_only_admins_are_shown_the_way_to_the_system_and_to_the_operators(
    operator: AddOperator, new_browser: Callable[[], Browser]
) -> None:
    shown = {}
    for role in ("viewer", "operator", "admin"):
        await operator(role)  # type: ignore[arg-type]
        browser = await new_browser().signed_in(role, PASSWORD)
        page = (await browser.get("/admin/users")).body
        shown[role] = ('href="/admin/system"' in page, 'href="/admin/operators"' in page)
    assert shown == {"viewer": (False, False), "operator": (False, False), "admin": (True, True)}
