"""Operator accounts, as admins manage them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest

from tests.admin.browser import JSON_PLEASE, Browser, fields_of
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

WHY = {"reason": "a test"}

OTHER = f"another password {secrets.token_hex(8)}"


async def test_an_admin_adds_an_operator_who_can_sign_in(
    signed_in: SignedIn, new_browser: Callable[[], Browser]
) -> None:
    admin = await signed_in("admin")
    answer = await admin.post("/admin/operators", {"name": "maya", "password": OTHER, "role": "operator"})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/operators")
    page = (await admin.get("/admin/operators")).body
    assert "Added maya, operator." in page
    assert OTHER not in page
    await new_browser().signed_in("maya", OTHER)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "admin", "password": OTHER, "role": "viewer"}, 409),
        ({"name": "maya", "password": "short", "role": "viewer"}, 400),
        ({"name": "maya", "password": OTHER, "role": "emperor"}, 400),
        ({"name": "", "password": OTHER, "role": "viewer"}, 400),
        ({"name": "x" * 65, "password": OTHER, "role": "viewer"}, 400),
        ({"name": "adm\u00adin", "password": OTHER, "role": "viewer"}, 400),
        ({}, 400),
    ],
    ids=[
        "a taken name",
        "a short password",
        "no such role",
        "no name",
        "too long a name",
        "an invisible character",
        "nothing",
    ],
)
async def test_what_is_wrong_with_a_new_operator_is_said_and_nobody_is_added(
    fields: dict[str, str], status: int, server: RunningServer, signed_in: SignedIn
) -> None:
    admin = await signed_in("admin")
    by_form = await admin.post("/admin/operators", fields)
    by_script = await admin.post("/admin/operators", fields, headers=JSON_PLEASE)
    assert (by_form.status, by_script.status) == (status, status)
    assert [each.name for each in await server.stores.operators.all()] == ["admin"]


@pytest.mark.parametrize("change", [{"change": "disable", **WHY}, {"change": "role", "role": "viewer", **WHY}])
async def test_the_last_admin_stays_one(change: dict[str, str], server: RunningServer, signed_in: SignedIn) -> None:
    admin = await signed_in("admin")
    answer = await admin.post("/admin/operators/1", change, headers=JSON_PLEASE)
    assert (answer.status, answer.code) in ((409, "LAST_ADMIN"), (409, "OWN_ACCOUNT"))
    (kept,) = await server.stores.operators.all()
    assert (kept.role, kept.disabled) == ("admin", False)


async def test_nobody_disables_the_own_account(signed_in: SignedIn, operator: AddOperator) -> None:
    admin = await signed_in("admin")
    await operator("admin", "second")
    answer = await admin.post("/admin/operators/1", {"change": "disable", **WHY}, headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (409, "OWN_ACCOUNT")
    assert "Disable admin" not in (await admin.get("/admin/operators")).body


@pytest.mark.parametrize(
    ("change", "works_after"),
    [
        ({"change": "disable", **WHY}, False),
        ({"change": "role", "role": "viewer", **WHY}, True),
        ({"change": "reset", "password": OTHER}, False),
    ],
    ids=["disable", "role", "reset"],
)
async def test_a_change_signs_the_operator_out_everywhere(
    change: dict[str, str],
    works_after: bool,
    signed_in: SignedIn,
    operator: AddOperator,
    new_browser: Callable[[], Browser],
) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    browsers = [await new_browser().signed_in("maya", PASSWORD) for _ in range(2)]
    assert (await admin.post(f"/admin/operators/{other.operator_id}", change)).status == 303
    assert [(await each.get("/admin")).status for each in browsers] == [303, 303]
    assert ((await new_browser().sign_in("maya", PASSWORD)).status == 303) is works_after


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"change": "role", "role": "operator", **WHY}, "maya is now an operator."),
        ({"change": "disable", **WHY}, "maya disabled."),
        ({"change": "enable"}, "maya enabled."),
        ({"change": "reset", "password": OTHER}, "Password of maya changed."),
    ],
    ids=["role", "disable", "enable", "reset"],
)
async def test_the_next_page_says_what_was_changed(
    change: dict[str, str], words: str, signed_in: SignedIn, operator: AddOperator
) -> None:
    admin, other = await signed_in("admin"), await operator("viewer", "maya")
    await admin.post(f"/admin/operators/{other.operator_id}", change)
    assert f'role="status">{words}</p>' in (await admin.get("/admin/operators")).body


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"change": "role", "role": "operator"}, "reason"),
        ({"change": "reset", "password": "short", **WHY}, "password"),
        ({"change": "reset", "password": OTHER, "reason": "x" * 201}, "reason"),
    ],
    ids=["no reason", "a short password", "a long reason"],
)
async def test_the_field_that_is_wrong_is_marked(
    change: dict[str, str], field: str, signed_in: SignedIn, operator: AddOperator
) -> None:
    admin, other = await signed_in("admin"), await operator("viewer", "maya")
    answer = await admin.post(f"/admin/operators/{other.operator_id}", change)
    assert answer.status == 400
    (marked,) = re.findall(r"<input[^>]*aria-invalid[^>]*>", answer.body)
    assert f'name="{field}"' in marked
    assert "autofocus" in marked
    assert answer.body.count("autofocus") == answer.body.count('role="alert"') == 1


async def test_who_is_enabled_again_can_sign_in(
    signed_in: SignedIn, operator: AddOperator, new_browser: Callable[[], Browser]
) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    for change in ("disable", "enable"):
        await admin.post(f"/admin/operators/{other.operator_id}", {"change": change, **WHY})
    await new_browser().signed_in("maya", PASSWORD)


async def test_an_operator_that_there_is_not_is_404(signed_in: SignedIn) -> None:
    admin = await signed_in("admin")
    for operator_id in ("99", "x", "1x", "99999999999999"):
        assert (await admin.post(f"/admin/operators/{operator_id}", {"change": "disable"})).status == 404
    assert (await admin.post("/admin/operators/1", {"change": "delete"})).status == 400


async def test_what_admins_do_is_in_the_audit_also_when_it_is_refused(
    server: RunningServer, signed_in: SignedIn
) -> None:
    admin = await signed_in("admin")
    await admin.post("/admin/operators", {"name": "maya", "password": OTHER, "role": "operator"})
    await admin.post("/admin/operators", {"name": "maya", "password": OTHER, "role": "viewer"})
    await admin.post("/admin/operators/2", {"change": "role", "role": "viewer", **WHY})
    entries, _ = await server.stores.audit.page(skip=0, limit=10)
    assert [(each.action, each.target_name, each.before, each.after, each.outcome) for each in entries[::-1][1:]] == [
        ("operator_add", "maya", "", "operator", "done"),
        ("operator_add", "maya", "", "", "refused: USERNAME_TAKEN"),
        ("operator_role", "maya", "operator", "viewer", "done"),
    ]


@pytest.mark.parametrize("change", [{"change": "disable"}, {"change": "role", "role": "viewer"}])
async def test_roles_and_disabling_are_confirmed_with_a_reason(
    change: dict[str, str], server: RunningServer, signed_in: SignedIn, operator: AddOperator
) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    url = f"/admin/operators/{other.operator_id}"
    page = (await admin.get(url, **change)).body
    assert "Recorded in the audit log" in page
    for reason in ({}, {"reason": "x" * 201}):
        answer = await admin.post(url, {**change, **reason})
        assert (answer.status, "Give a reason" in answer.body) == (400, True)
        assert (await admin.post(url, {**change, **reason}, headers=JSON_PLEASE)).status == 400
    assert await server.stores.operators.get(other.operator_id) == other
    assert (await admin.post(url, [*fields_of(page), ("reason", "left the company")])).status == 303
    (entry,), _ = await server.stores.audit.page(action=f"operator_{change['change']}", skip=0, limit=1)
    assert entry.reason == "left the company"


async def test_enabling_says_who_disabled_the_account_and_why(signed_in: SignedIn, operator: AddOperator) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    url = f"/admin/operators/{other.operator_id}"
    page = (await admin.get(url, change="disable")).body
    assert "can't sign in until an admin enables the account again" in page
    await admin.post(url, {"change": "disable", **WHY})
    page = (await admin.get(url, change="enable")).body
    assert "can sign in again as an operator. The password stays the same." in page
    assert f"by <bdi>admin</bdi>: “<bdi>{WHY['reason']}</bdi>”." in page
    assert "Optional. Recorded in the audit log" in page


async def test_what_was_typed_is_still_there_when_it_is_refused(signed_in: SignedIn, operator: AddOperator) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    page = (await admin.post("/admin/operators", {"name": "maya", "password": OTHER, "role": "operator"})).body
    assert 'value="maya"' in page
    assert f'value="{OTHER}"' in page
    assert '<option value="operator" selected>' in page
    fields = {"change": "role", "role": "viewer", "reason": "not the last one"}
    page = (await admin.post("/admin/operators/1", fields)).body
    assert "is the last admin" in page
    assert 'value="not the last one"' in page
    fields = {"change": "reset", "password": "short", "reason": "forgot it"}
    page = (await admin.post(f"/admin/operators/{other.operator_id}", fields)).body
    assert 'value="forgot it"' in page


async def test_the_rules_of_passwords_are_shown_before_one_is_typed(signed_in: SignedIn, operator: AddOperator) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    for path in ("/admin/operators", f"/admin/operators/{other.operator_id}?change=reset", "/admin/password"):
        page = (await admin.get(path)).body
        assert "At least 12 characters" in page, path
        assert 'minlength="12"' in page


async def test_the_last_sign_in_of_each_operator_is_shown(signed_in: SignedIn, operator: AddOperator) -> None:
    admin = await signed_in("admin")
    await operator("operator", "maya")
    page = (await admin.get("/admin/operators")).body
    shown = re.findall(r'data-label="Last sign-in">(?:<time [^>]+>)?([^<]+)<', page)
    assert (len(shown), shown[1]) == (2, "Never")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", shown[0])


async def test_a_new_password_is_told(signed_in: SignedIn, operator: AddOperator) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "noor")
    await admin.post(f"/admin/operators/{other.operator_id}", {"change": "reset", "password": OTHER})
    assert "Password of noor changed." in (await admin.get("/admin/operators")).body


async def test_the_role_that_an_operator_has_already_is_not_asked_about(
    signed_in: SignedIn, operator: AddOperator
) -> None:
    admin, maya = await signed_in("admin"), await operator("viewer", "maya")
    answer = await admin.get(f"/admin/operators/{maya.operator_id}?change=role&role=viewer")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/operators")
    assert "maya is a viewer already." in (await admin.get("/admin/operators")).body


async def test_a_change_of_ones_own_account_says_so(signed_in: SignedIn, operator: AddOperator) -> None:
    admin, maya = await signed_in("admin"), await operator("viewer", "maya")
    for change, own, other in (
        ("role&role=operator", "You become an operator instead of an admin", "maya</bdi> becomes an operator"),
        ("reset", "You are signed out everywhere", "maya</bdi> is signed out everywhere"),
    ):
        assert own in (await admin.get(f"/admin/operators/1?change={change}")).body
        assert other in (await admin.get(f"/admin/operators/{maya.operator_id}?change={change}")).body
