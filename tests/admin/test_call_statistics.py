"""The calls page counts its calls by type and outcome, as many as it lists."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.admin import timed_page
from models import timed_list
from models.calls import Call
from models.errors import StoreUnavailable
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CALLS = [
    ("audio", "completed", 60), ("audio", "completed", 120), ("audio", "completed", 180), ("audio", "dropped", 3600),
    ("video", "completed", 600), ("video", "cancelled", 5), ("video", "ongoing", None),
]  # fmt: skip
"""Type, outcome and seconds of calls that began a minute apart, from noon on."""


async def gather(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    for number, (call_type, state, seconds) in enumerate(CALLS):
        began = NOON + timedelta(minutes=number)
        over = (None, None, None) if seconds is None else (began + timedelta(seconds=seconds), seconds, state)
        pair = (ada.user_id, bob.user_id) if number < 5 else (bob.user_id, 77)
        await server.stores.calls.insert(Call(f"call{number}", *pair, call_type, state, began, *over))  # type: ignore[arg-type]


def tables(page: str) -> dict[str, dict[str, list[str]]]:
    """The texts of the cells, by the caption of the table and the outcome."""
    found: dict[str, dict[str, list[str]]] = {}
    for caption, table in re.findall(r"<caption>([^<]*)</caption>(.*?)</table>", page, re.DOTALL):
        rows = re.findall(r'<tr[^>]*><th scope="row">([^<]*)</th>(.*?)</tr>', table, re.DOTALL)
        found[caption] = {
            outcome: [html.unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", cells)]
            for outcome, cells in rows
        }
    return found


def total(page: str) -> str:
    """The number in the heading of the list."""
    found = re.search(r'Calls <span class="count">([^<]*)<', page)
    assert found is not None
    return found[1]


async def calls_page(browser: Any, **query: str) -> str:
    answer = await browser.get("/admin/calls", **query)
    assert answer.status == 200, answer.body
    page: str = answer.body
    return page


async def test_calls_are_counted_by_type_and_outcome_with_their_lengths(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await gather(server, user)
    page = await calls_page(await signed_in("viewer"))
    found = tables(page)
    assert found["Audio"] == {
        "Completed": ["3", "02:00", "02:54"],
        "Dropped": ["1", "1:00:00", "1:00:00"],
        "Cancelled": ["0", "–", "–"],
        "Ongoing": ["0", "–", "–"],
        "All": ["4", "02:30", "51:27"],
    }
    assert found["Video"]["Ongoing"] == ["1", "–", "–"]
    assert found["All calls"]["All"][:2] == ["7", "02:30"]
    assert found["All calls"]["Completed"] == ["4", "02:30", "08:57"]
    assert "95th percentile" in page


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({}, 7),
        ({"state": "ended"}, 6),
        ({"state": "ongoing"}, 1),
        ({"q": "ada"}, 5),
        ({"q": "a"}, 5),
        ({"from": "2026-01-31T12:02", "to": "2026-01-31T12:05", "zone": "UTC"}, 3),
        ({"from": "2026-01-31T12:02", "q": "ada", "zone": "UTC"}, 3),
        ({"q": "b", "state": "ended"}, 6),
    ],
)
async def test_the_numbers_are_those_of_the_list(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, query: dict[str, str], number: int
) -> None:
    await gather(server, user)
    page = await calls_page(await signed_in("viewer"), **query)
    by_outcome = tables(page)["All calls"]
    assert (total(page), by_outcome["All"][0]) == (str(number), str(number))
    assert sum(int(cells[0]) for outcome, cells in by_outcome.items() if outcome != "All") == number
    assert page.count('aria-label="View the call') == number


async def test_without_calls_there_are_no_numbers(signed_in: SignedIn) -> None:
    assert tables(await calls_page(await signed_in("viewer"))) == {}


async def test_of_very_many_calls_a_time_range_is_counted(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gather(server, user)
    for module in (timed_page, timed_list):
        monkeypatch.setattr(module, "COUNT_LIMIT", 5)
    browser = await signed_in("viewer")
    page = await calls_page(browser)
    assert (total(page), tables(page)) == ("5+", {})
    assert "To see the calls by type and outcome, choose a time range." in page
    page = await calls_page(browser, **{"from": "2026-01-31T12:00", "zone": "UTC"})
    assert (total(page), tables(page)["All calls"]["All"][0]) == ("5+", "7")


@pytest.mark.settings(page_rows=3)
async def test_the_numbers_stand_on_the_first_page(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await gather(server, user)
    browser = await signed_in("viewer")
    assert tables(await calls_page(browser))["All calls"]["All"][0] == "7"
    assert tables(await calls_page(browser, page="2")) == {}
    assert tables(await calls_page(browser, at="2026-01-31T12:02", zone="UTC"))["All calls"]["All"][0] == "7"


async def test_the_list_is_shown_even_if_its_calls_cannot_be_counted(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise StoreUnavailable("too slow")

    await gather(server, user)
    monkeypatch.setattr(server.stores.calls._calls, "count_by", fail)
    page = await calls_page(await signed_in("viewer"))
    assert ("call0" in page, tables(page)) == (True, {})
    assert "The calls by type and outcome can't be counted now." in page
