"""Reasons of actions: what is accepted, and what a refusal says."""

from __future__ import annotations

import pytest

from handlers.admin.reasons import REASON_LIMIT, problem_of
from tests.admin.browser import JSON_PLEASE
from tests.admin.conftest import AddOperator, SignedIn
from tests.running import RunningServer

NEEDED = "Give a reason of at most 200 characters."


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("", NEEDED),
        ("x" * (REASON_LIMIT + 1), NEEDED),
        ("\u200b", "Give a reason without invisible characters (U+200B)."),
        ("ok\u200b", "Give a reason without invisible characters (U+200B)."),
        ("\u3164", "Give a reason without invisible characters (U+3164)."),
        ("\u202eko", "Give a reason without invisible characters (U+202E)."),
        ("two\nlines", "Give a reason without control characters (U+000A)."),
        ("\ufffd", "Give a reason without replacement characters (U+FFFD)."),
        ("x" * REASON_LIMIT, ""),
        ("no\u00a0break  and two spaces", ""),
        ("می\u200cخواهم", ""),
        ("👩\u200d💻 asked for it", ""),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_reason(reason: str, problem: str) -> None:
    assert problem_of(reason) == problem


def test_a_reason_that_is_optional_may_be_left_out_but_not_be_wrong() -> None:
    assert problem_of("", is_needed=False) == ""
    assert problem_of("x" * 201, is_needed=False) == NEEDED
    assert "U+200B" in problem_of("\u200b", is_needed=False)


@pytest.mark.gen_test
async def test_every_form_with_a_reason_refuses_a_wrong_one_and_keeps_it(
    server: RunningServer, signed_in: SignedIn, operator: AddOperator
) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    screen, _ = await server.server._screen_auth.add("hall", "", "admin")
    for url, change in (
        (f"/admin/operators/{other.operator_id}", "disable"),
        (f"/admin/operators/{other.operator_id}", "enable"),
        (f"/admin/screens/{screen.screen_id}", "renew"),
        (f"/admin/screens/{screen.screen_id}", "revoke"),
    ):
        fields = {"change": change, "reason": "lost\u200b"}
        answer = await admin.post(url, fields)
        assert (answer.status, "without invisible characters (U+200B)." in answer.body) == (400, True), url
        assert 'value="lost\u200b"' in answer.body
        assert (await admin.post(url, fields, headers=JSON_PLEASE)).code == "INVALID_REQUEST"
    assert await server.stores.operators.get(other.operator_id) == other
    assert await server.server._screen_auth.get(screen.screen_id) == screen
