"""CSV: an export has every row that matches the filter, and nothing that a spreadsheet would execute."""

from __future__ import annotations

import csv
import io
import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from tornado.simple_httpclient import HTTPStreamClosedError

from handlers.admin import exports
from models.audit import AuditEntry
from models.collection import Document
from models.errors import StoreUnavailable
from models.events import Event
from models.merged import MergedQueries
from tests.admin.conftest import SignedIn
from tests.clients import Answer
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def event(number: int, username: str = "ada", **fields: object) -> Event:
    """An event `number` seconds after noon."""
    given = {"kind": "available", "user_id": 1, "cause": "connected", **fields}
    return Event(event_id=f"{number:012x}", at=NOON + timedelta(seconds=number), username=username, **given)  # type: ignore[arg-type]


def entry(number: int, **fields: str) -> AuditEntry:
    """An entry `number` seconds after noon."""
    given = {
        "operator": "maya", "action": "sign_out", "target": "user:1", "target_name": "ada", "before": "", "after": "",
        "reason": "a test", "address": "127.0.0.1", "outcome": "done", **fields,
    }  # fmt: skip
    return AuditEntry(entry_id=f"{number:06}", at=NOON + timedelta(seconds=number), **given)


def rows(answer: Answer) -> list[dict[str, str]]:
    """Return the rows as dictionaries by column."""
    assert answer.status == 200, answer.body
    assert answer.body.startswith("\ufeff")  # makes spreadsheets read it as UTF-8
    return list(csv.DictReader(io.StringIO(answer.body[1:])))


async def test_events_are_all_there_newest_first(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_ONCE", 7)
    await server.stores.events.add_many([event(number) for number in range(20)])
    answer = await (await signed_in("viewer")).get("/admin/events.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    today = f"{server.core.environment.clock.utc():%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="events-{today}.csv"'
    assert [row["time"] for row in rows(answer)] == [f"2026-01-31T12:00:{n:02}.123Z" for n in range(19, -1, -1)]


async def test_a_row_has_all_fields_of_an_event(server: RunningServer, signed_in: SignedIn) -> None:
    call = {"kind": "call_ended", "cause": "completed", "other_id": 2, "other_name": "bob", "call_id": "c1"}
    await server.stores.events.add_many([event(0, duration_seconds=6, operator="maya", **call)])
    (row,) = rows(await (await signed_in("viewer")).get("/admin/events.csv"))
    assert row == {
        "time": "2026-01-31T12:00:00.123Z", "kind": "call_ended", "user_id": "1", "username": "ada",
        "cause": "completed", "other_id": "2", "other_name": "bob", "call_id": "c1", "duration_seconds": "6",
        "operator": "maya",
    }  # fmt: skip


async def test_the_filter_of_the_page_is_that_of_the_file(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    await user("bob")
    await server.stores.events.add_many([event(1), event(2, "bob", user_id=2), event(3, kind="busy")])
    browser = await signed_in("viewer")
    page = (await browser.get("/admin/events", kind="available", user="ADA")).body
    assert 'href="/admin/events.csv?kind=available&amp;user=ADA"' in page
    found = rows(await browser.get("/admin/events.csv", kind="available", user="ADA"))
    assert [(row["kind"], row["username"]) for row in found] == [("available", "ada")]
    assert rows(await browser.get("/admin/events.csv", user="nobody")) == []


async def test_the_audit_is_all_there_newest_first(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_ONCE", 7)
    for number in range(20):
        await server.stores.audit.begin(entry(number))
    found = rows(await (await signed_in("viewer")).get("/admin/audit.csv", action="sign_out"))
    assert [row["entry_id"] for row in found] == [f"{number:06}" for number in range(19, -1, -1)]


async def test_the_audit_has_every_entry_once_while_others_are_written(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_ONCE", 7)
    audit = server.stores.audit
    for number in range(20):
        await audit.begin(entry(number))
    page, batches = MergedQueries.page, 0

    async def written_meanwhile(self: MergedQueries, skip: int, limit: int) -> list[Document]:
        nonlocal batches
        found = await page(self, skip, limit)
        batches += 1
        await audit.begin(entry(100 + batches))
        return found

    monkeypatch.setattr(MergedQueries, "page", written_meanwhile)
    found = rows(await (await signed_in("viewer")).get("/admin/audit.csv", action="sign_out"))
    assert [row["entry_id"] for row in found] == [f"{number:06}" for number in range(19, -1, -1)]
    assert batches == 4


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        '=HYPERLINK("https://evil.example")',
        "\n=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "﹦1+1",
        "⁺1",
        "﹣1",
        "−1",
        "﹫SUM(A1)",
        "  =1",
        "\u3000＝1",
        "\u200b=1",
    ],
)
async def test_a_formula_in_a_name_is_text_in_a_spreadsheet(
    formula: str, server: RunningServer, signed_in: SignedIn
) -> None:
    await server.stores.events.add_many([event(0, formula)])
    await server.stores.audit.begin(entry(0, reason=formula, target_name=formula))
    browser = await signed_in("viewer")
    (event_row,) = rows(await browser.get("/admin/events.csv"))
    (audit_row,) = rows(await browser.get("/admin/audit.csv", action="sign_out"))
    assert (event_row["username"], audit_row["reason"], audit_row["target_name"]) == (f"'{formula}",) * 3


def test_every_form_of_a_formula_sign_is_known() -> None:
    signs = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.normalize("NFKC", chr(code)) in set("=+-@")]
    assert len(signs) > 15
    assert [sign for sign in signs if exports._cell(f"{sign}1") != f"'{sign}1"] == []


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("ada;=1+1;", "ada;'=1+1;"),
        ("a; -1;＝2", "a;' -1;'＝2"),
        ("a-b", "a-b"),
        ("a=b; c", "a=b; c"),
        ("'=1", "'=1"),
    ],
)
async def test_a_formula_behind_a_semicolon_is_text_in_a_spreadsheet_that_separates_cells_by_it(
    name: str, cell: str, server: RunningServer, signed_in: SignedIn
) -> None:
    await server.stores.events.add_many([event(0, name)])
    (row,) = rows(await (await signed_in("viewer")).get("/admin/events.csv"))
    assert row["username"] == cell


async def test_commas_quotes_and_lines_come_through(server: RunningServer, signed_in: SignedIn) -> None:
    name = 'a,"b"\nc'
    await server.stores.events.add_many([event(0, name)])
    (row,) = rows(await (await signed_in("viewer")).get("/admin/events.csv"))
    assert row["username"] == name


@pytest.mark.any_store
async def test_a_part_is_not_taken_for_the_whole_when_the_store_fails_midway(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_ONCE", 2)
    await server.stores.events.add_many([event(number) for number in range(4)])
    browser = await signed_in("viewer")
    page, asked = MergedQueries.page, []

    async def fails_later(self: MergedQueries, skip: int, limit: int) -> list[Document]:
        asked.append(skip)
        if len(asked) > 1:
            raise StoreUnavailable
        return await page(self, skip, limit)

    monkeypatch.setattr(MergedQueries, "page", fails_later)
    with pytest.raises(HTTPStreamClosedError):
        await browser.get("/admin/events.csv")
    assert server.server._traffic.requests == 0  # otherwise every drain would wait for it
    assert (await browser.get("/admin/events.csv")).status == 503


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("events", {"kind": "busy", "user": "ada"}, 'filename="events-DAY-busy-ada.csv"'),
        ("events", {"user": 'a/b"; x=\r\ny'}, 'filename="events-DAY-a-b-x-y.csv"'),
        ("events", {"user": "Zoë"}, "filename=\"events-DAY-Zo_.csv\"; filename*=UTF-8''events-DAY-Zo%C3%AB.csv"),
        ("audit", {"operator": "maya", "action": "sign_out"}, 'filename="audit-DAY-sign_out-maya.csv"'),
    ],
)
async def test_the_name_of_a_file_has_the_date_and_the_filter(
    server: RunningServer, signed_in: SignedIn, path: str, query: dict[str, str], name: str
) -> None:
    answer = await (await signed_in("viewer")).get(f"/admin/{path}.csv", **query)
    today = f"{server.core.environment.clock.utc():%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == "attachment; " + name.replace("DAY", today)
