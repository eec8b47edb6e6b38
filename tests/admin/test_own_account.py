"""Own account: operators change their password, and end their sign-ins one by one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest

from tests.admin.browser import JSON_PLEASE, Browser
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

NEW = f"a new password {secrets.token_hex(8)}"


async def test_a_new_password_ends_the_other_sign_ins_and_keeps_this_one(
    server: RunningServer, operator: AddOperator, new_browser: Callable[[], Browser]
) -> None:
    await operator("viewer", "maya")
    here, there = [await new_browser().signed_in("maya", PASSWORD) for _ in range(2)]
    await here.get("/admin/password")
    answer = await here.post("/admin/password", {"current": PASSWORD, "password": NEW})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/sign-ins")
    assert "Password changed." in (await here.get("/admin/sign-ins")).body
    assert (await there.get("/admin")).status == 303
    assert (await new_browser().sign_in("maya", PASSWORD)).status == 401
    await new_browser().signed_in("maya", NEW)
    (entry,), _ = await server.stores.audit.page(action="operator_password", skip=0, limit=1)
    assert (entry.operator, entry.target_name, entry.outcome) == ("maya", "maya", "done")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"current": "wrong", "password": NEW}, "The current password is wrong"),
        ({"current": PASSWORD, "password": "short"}, "at least 12 characters"),
    ],
    ids=["wrong", "short"],
)
async def test_a_password_that_is_refused_changes_nothing(
    fields: dict[str, str], problem: str, signed_in: SignedIn, new_browser: Callable[[], Browser]
) -> None:
    browser = await signed_in("operator")
    by_form = await browser.post("/admin/password", fields)
    by_script = await browser.post("/admin/password", fields, headers=JSON_PLEASE)
    assert (by_form.status, by_script.status) == (400, 400)
    assert problem in by_form.body
    (marked,) = re.findall(r"<input[^>]*aria-invalid[^>]*>", by_form.body)
    assert ('name="current"' if fields["current"] == "wrong" else 'name="password"') in marked
    assert (await browser.get("/admin")).status == 200
    await new_browser().signed_in("operator", PASSWORD)


async def test_an_operator_signs_out_another_browser(operator: AddOperator, new_browser: Callable[[], Browser]) -> None:
    await operator("viewer", "maya")
    there, here = [await new_browser().signed_in("maya", PASSWORD) for _ in range(2)]
    page = (await here.get("/admin/sign-ins")).body
    assert page.count("this browser") == 1
    ids = re.findall(r'name="sign_in" value="([0-9a-f]{64})"', page)
    assert len(ids) == 2  # the latest first
    assert (await here.post("/admin/sign-ins", {"sign_in": ids[1]})).status == 303
    assert [(await each.get("/admin")).status for each in (here, there)] == [200, 303]
    assert (await here.post("/admin/sign-ins", {"sign_in": ids[1]})).status == 404
    answer = await here.post("/admin/sign-ins", {"sign_in": ids[0]})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/login")
    assert (await here.get("/admin")).status == 303


async def test_a_sign_in_is_told_by_the_name_of_its_device(
    operator: AddOperator, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    await operator("viewer", "maya")
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"
    await browser.get("/admin/login")
    fields = {"name": "maya", "password": PASSWORD}
    assert (await browser.post("/admin/login", fields, headers={"User-Agent": agent})).status == 303
    page = (await browser.get("/admin/sign-ins")).body
    assert f'<bdi title="{agent}">Chrome on Windows</bdi>' in page
    here = await new_browser().signed_in("maya", PASSWORD)
    _, there = re.findall(r'name="sign_in" value="([0-9a-f]{64})"', (await here.get("/admin/sign-ins")).body)
    await here.post("/admin/sign-ins", {"sign_in": there})
    assert "Chrome on Windows is signed out." in (await here.get("/admin/sign-ins")).body


async def test_nobody_signs_somebody_else_out(signed_in: SignedIn, server: RunningServer) -> None:
    viewer, admin = await signed_in("viewer"), await signed_in("admin")
    page = (await admin.get("/admin/sign-ins")).body
    (sign_in,) = re.findall(r'name="sign_in" value="([0-9a-f]{64})"', page)
    assert (await viewer.post("/admin/sign-ins", {"sign_in": sign_in})).status == 404
    assert (await admin.get("/admin")).status == 200


async def test_the_account_menu_leads_there_and_to_the_documents(signed_in: SignedIn) -> None:
    page = (await (await signed_in("viewer")).get("/admin/users")).body
    menu = page.partition('id="account"')[2].partition("</header>")[0]
    assert [path for path in ("/admin/password", "/admin/sign-ins", "/docs") if f'href="{path}"' not in menu] == []
