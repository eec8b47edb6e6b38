"""Pages: what they show, and how to reach the rest."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.admin.reasons import REASON_LIMIT
from handlers.admin.system import SystemHandler
from models.audit import AuditEntry
from models.calls import Call, ended
from models.direction import isolated
from models.events import Event
from models.instances import NodeReport
from models.samples import Sample
from models.user_documents import NewUser
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.fleet import ServerRow, ServerState
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.clients import Api, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "admin"


def names(page: str) -> list[str]:
    """Return the names in the table of users, from top to bottom."""
    return re.findall(r'<a class="name" href="/admin/users/\d+"><bdi>([^<]+)</bdi></a>', page)


def text(page: str) -> str:
    """Return the visible text of a page on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def users_named(server: RunningServer, count: int) -> None:
    """Create `count` users, named user000 and so on, who were never online."""
    at = server.core.environment.clock.utc()
    for number in range(count):
        server.core.loader.add(await server.stores.users.create(NewUser(f"user{number:03}", None, None), at))


async def call_of(server: RunningServer, caller: Person, callee: Person, call_id: str, minutes_ago: int) -> Call:
    """Store a call that has ended."""
    start = server.core.environment.clock.utc() - timedelta(minutes=minutes_ago)
    call = Call(call_id, caller.user_id, callee.user_id, "audio", "ongoing", start)
    await server.stores.calls.insert(call)
    over = ended(call, "completed", start + timedelta(seconds=64), callee.user_id)
    await server.stores.calls.end(over)
    return over


async def test_the_home_page_leads_here(api: Api) -> None:
    assert 'href="/admin"' in (await api.get("/")).body


async def test_users_come_in_pages_of_fifty(server: RunningServer, signed_in: SignedIn) -> None:
    await users_named(server, 120)
    browser = await signed_in("viewer")
    url, seen, sizes = "/admin/users?sort=name", [], []
    while url:
        page = (await browser.get(url)).body
        seen += names(page)
        sizes.append(len(names(page)))
        more = re.search(r'rel="next" href="([^"]+)"', page)
        url = "/admin/users" + more[1].replace("&amp;", "&") if more else ""
    assert sizes == [50, 50, 20]
    assert seen == [f"user{number:03}" for number in range(120)]


async def test_users_are_found_by_part_of_a_name_by_id_and_by_state(signed_in: SignedIn, user: MakePerson) -> None:
    ada, _, cem = await user("ada"), await user("bob"), await user("Cemal")
    await ada.post("/users/me/heartbeat")
    browser = await signed_in("viewer")
    asked = {
        "q=EMA": ["Cemal"],
        f"q={cem.user_id}": ["Cemal"],
        "status=available": ["ada"],
        "status=offline&sort=name": ["bob", "Cemal"],
        "status=busy": [],
        "q=%25": [],
    }
    assert {query: names((await browser.get(f"/admin/users?{query}")).body) for query in asked} == asked
    assert "No users match “<bdi>zzz</bdi>”." in (await browser.get("/admin/users?q=zzz")).body
    busy = (await browser.get("/admin/users?q=ada&status=busy")).body
    assert "No users match the filters and “<bdi>ada</bdi>”." in busy
    nowhere = (await browser.get("/admin/users?q=ada&page=9")).body
    assert "There is only 1 page." in nowhere
    assert 'href="?q=ada&amp;page=1">Go to the last page</a>' in nowhere


async def test_a_disabled_user_is_called_so_once_whatever_the_columns(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await server.core.membership.disable((await user("ada")).user_id)
    browser = await signed_in("viewer")
    for columns in ("", "none"):
        page = (await browser.get(f"/admin/users?columns={columns}")).body
        assert len(re.findall(r">disabled<", page, re.IGNORECASE)) == 1


@pytest.mark.parametrize("path", ["/admin?q=ada", "/admin/users?q=ada", "/admin/users/1"])
async def test_nobody_is_signed_out_who_is_disabled_and_nobody_gets_a_tag_who_has_twenty(
    path: str, server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    browser = await signed_in("operator")
    assert {"sign_out", "add_tag"} <= await offered(browser, path)
    await server.core.membership.disable(1)
    await tag(server, 1, *(f"t{number}" for number in range(20)))
    assert not {"sign_out", "add_tag"} & await offered(browser, path)


async def offered(browser: Browser, path: str) -> set[str]:
    """The actions that a page offers for its only user, without those for picked users, which the script counts."""
    page = (await browser.get(path)).body
    shown = re.sub(r'<template>.*?</template>|<form id="pick".*?</form>', "", page, flags=re.DOTALL)
    buttons = re.findall(r'<(?:button|a)[^>]*?(?:name="action" value="|\?action=)(\w+)([^>]*)>', shown)
    counted = re.findall(r'data-changes="([^"]*)"', page)
    return {name for name, rest in buttons if not rest.endswith(" hidden")} | set(" ".join(counted).split())


@pytest.mark.parametrize(
    "query", ["status=x", "sort=x", "page=0", "page=-1", "page=x", "page=1e3", "page=9999999", "status=$where"]
)
async def test_a_filter_that_there_is_not_is_400(query: str, signed_in: SignedIn) -> None:
    answer = await (await signed_in("viewer")).get(f"/admin/users?{query}")
    assert answer.status == 400
    assert 'class="brand"' in answer.body


async def test_a_page_beyond_the_last_is_empty_and_leads_back(signed_in: SignedIn, user: MakePerson) -> None:
    await user("ada")
    answer = await (await signed_in("viewer")).get("/admin/users?page=7")
    assert (answer.status, names(answer.body)) == (200, [])
    assert 'rel="prev" href="?page=1">Go to the last page</a>' in answer.body


async def test_a_person_has_sessions_a_reason_a_day_and_what_was_done(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await socket(ada, "/ws/presence")
    await bob.post("/users/me/heartbeat")
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "video"})).body
    page = text((await (await signed_in("viewer")).get(f"/admin/users/{ada.user_id}")).body)
    assert "ada #1 Busy , on a call with bob, 00:0" in page
    assert re.search(r"Sessions 1 .* Python .*127\.0\.0\.1 presence", page)
    assert "ada called bob" in page
    assert "ada came online" in page
    assert "No operator actions on ada yet." in page
    assert call["call_id"] not in page


@pytest.mark.parametrize(
    "path",
    [
        "/admin/users/99", "/admin/users/x", "/admin/users/0", "/admin/users/1x", "/admin/users/99999999999999999999",
        "/admin/calls/99", "/admin/calls/%00", "/admin/calls/" + "x" * 5000,
    ],
    ids=lambda path: path[:32],
)  # fmt: skip
async def test_who_or_what_there_is_not_is_404_with_a_way_back(path: str, signed_in: SignedIn) -> None:
    answer = await (await signed_in("viewer")).get(path)
    assert answer.status == 404
    assert re.search(r'<a class="button primary" href="/admin/(users|calls)">', answer.body)
    assert '<a class="button" href="/admin">Go to Live</a>' in answer.body


async def test_calls_are_listed_newest_first_and_found_by_a_party(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, cem = await user("ada"), await user("bob"), await user("cem")
    for person in (ada, cem):
        await person.post("/users/me/heartbeat")
    await call_of(server, ada, bob, "first", 30)
    await call_of(server, bob, cem, "second", 20)
    await ada.post("/calls/start", {"callee_id": cem.user_id, "call_type": "video"})
    browser = await signed_in("viewer")
    participants = {
        query: names((await browser.get(f"/admin/calls{query}")).body)
        for query in ("", "?state=ongoing", "?state=ended", "?q=bo", "?q=nobody")
    }
    assert participants == {
        "": ["ada", "cem", "bob", "cem", "ada", "bob"],
        "?state=ongoing": ["ada", "cem"],
        "?state=ended": ["bob", "cem", "ada", "bob"],
        "?q=bo": ["bob", "cem", "ada", "bob"],
        "?q=nobody": [],
    }


async def test_a_call_says_who_ended_it_and_why(server: RunningServer, signed_in: SignedIn, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    await call_of(server, ada, bob, "first", 30)
    page = text((await (await signed_in("viewer")).get("/admin/calls/first")).body)
    assert "Completed after 1 min 4 s" in page
    assert "Ended by bob End reason a participant hung up" in page


async def test_an_end_by_an_operator_is_told_at_once_also_before_it_is_in_the_store(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    for each in (ada, bob):
        await each.post("/users/me/heartbeat")
    call_id = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body["call_id"]
    await server.core.actions.carry_out("end_call", ActionTarget(call_id=call_id), "maya", now=True, entry_id="1")
    assert server.core.event_log.unsaved(1) != []
    page = text((await (await signed_in("viewer")).get(f"/admin/calls/{call_id}")).body)
    assert "Ended by maya operator" in page


async def test_events_are_narrowed_by_kind_and_by_user(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await ada.post("/users/me/heartbeat")
    await bob.post("/users/me/heartbeat")
    await bob.put("/users/me/status", {"is_busy": True})
    await server.stores.events.add_many(server.core.event_log.unsaved(100))
    browser = await signed_in("viewer")

    async def told(**query: str) -> list[str]:
        page = (await browser.get("/admin/events", **query)).body
        return re.findall(r'<th scope="row">([^<]+)</th>', page)

    assert await told() == ["bob is busy", "bob came online", "ada came online"]
    assert await told(kind="busy") == ["bob is busy"]
    assert await told(user="ada") == ["ada came online"]
    assert await told(user=str(bob.user_id), kind="available") == ["bob came online"]
    assert "No user matches “<bdi>nobody</bdi>”." in (await browser.get("/admin/events", user="nobody")).body


async def test_events_without_a_script_say_of_when_they_are(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    told = "This page doesn't update itself without JavaScript"
    assert told in (await browser.get("/admin/events")).body
    assert told not in (await browser.get("/admin/events", to="2026-01-01")).body


async def test_a_search_that_could_mean_several_users_offers_them(signed_in: SignedIn, user: MakePerson) -> None:
    ada, _ = await user("Ada Wei"), await user("Ada Bauer")
    browser = await signed_in("viewer")
    for path in ("/admin/events", "/admin/audit"):
        page = (await browser.get(path, user="ada")).body
        assert "2 users match “<bdi>ada</bdi>”. Choose one:" in page
        assert f'<a href="?user={ada.user_id}"><bdi>Ada Wei</bdi></a>' in page
        assert page.index("Ada Bauer") < page.index("Ada Wei")
        page = (await browser.get(path, user="99999")).body
        assert "No user matches “<bdi>99999</bdi>”." in page
        assert "Choose one" not in page
        assert "Search users" not in page
        assert f'href="{path}">Clear filters</a>' in page


async def test_the_audit_log_is_searched_by_the_affected_user(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    at = server.core.environment.clock.utc()
    for person, name in ((ada, "ada"), (bob, "bob")):
        about = f"user:{person.user_id}", name
        entry = AuditEntry(name, at, "sam", "sign_out", *about, "", "", f"of {name}", "", "done")
        await server.stores.audit.add_all([entry])
    browser = await signed_in("viewer")
    for query in ({"user": "ada"}, {"user": str(ada.user_id)}, {"target": f"user:{ada.user_id}"}):
        page = (await browser.get("/admin/audit", **query)).body
        assert ("of ada" in page, "of bob" in page) == (True, False)
        assert len((await browser.get("/admin/audit.csv", **query)).body.splitlines()) == 2
        assert ("Target: <bdi>ada #" in page) == ("target" in query)
    assert '<a href="?" aria-label="Show all targets">' in page


async def test_the_system_page_shows_no_secret(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    page = (await browser.get("/admin/system")).body
    assert server.settings.jwt_secret not in page
    assert "ROLLCALL_JWT_SECRET" in page
    assert "••••" in page
    assert "ROLLCALL_PORT" in page


async def test_the_system_page_has_the_numbers(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    await socket(await user("ada"))
    page = text((await (await signed_in("admin")).get("/admin/system")).body)
    for name in (
        "Event loop lag",
        "Messages sent per second",
        "Conflated 0",
        "Dropped 0",
        "Store up",
        "breaker closed",
        "Unsaved",
    ):
        assert name in page
    assert "Sockets 1 1 feed, 0 presence, 0 operators" in page
    assert "sign_ins.insert_one" in page


class TwoServers:
    """What the page of a server shows that shares its database with another one."""

    def __init__(
        self,
        sockets: tuple[int, int, int] = (1200, 30, 4),
        state: ServerState = "live",
        lag_seconds: float = 0.002,
    ) -> None:
        self.sockets = dict(zip(("feed", "presence", "operators"), sockets, strict=True))
        self.state = state
        self.lag_seconds = lag_seconds

    def rows(self) -> list[ServerRow]:
        report = NodeReport(
            node="a", version="1", lag_entries=1, lag_seconds=self.lag_seconds, is_draining=False, **self.sockets
        )  # fmt: skip
        since = 1_900_000_000_000
        return [ServerRow("web-1", self.state, since, report, True), ServerRow("web-2", "lost", since, report, False)]


def show_servers(monkeypatch: pytest.MonkeyPatch, servers: TwoServers) -> None:
    """Let the System page show these servers."""
    initialize = SystemHandler.initialize
    monkeypatch.setattr(
        SystemHandler, "initialize", lambda self, **given: initialize(self, **{**given, "fleet": servers})
    )


async def test_the_system_page_counts_a_single_socket_in_the_singular(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_servers(monkeypatch, TwoServers(sockets=(0, 0, 1)))
    page = text((await (await signed_in("admin")).get("/admin/system")).body)
    assert "Servers 2 1 socket in all" in page


async def test_the_system_page_says_for_how_long_a_server_has_been_cut_off(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_servers(monkeypatch, TwoServers(state="cut off", lag_seconds=14.04))
    page = text((await (await signed_in("admin")).get("/admin/system")).body)
    assert "web-1 this page Cut off 1 1,234 14.0 s" in page


async def test_the_system_page_lists_all_servers_if_there_are_several(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await signed_in("admin")
    assert "This server" not in (await browser.get("/admin/system")).body
    show_servers(monkeypatch, TwoServers())
    page = text((await browser.get("/admin/system")).body)
    assert "Servers 2 1,234 sockets in all" in page
    assert "web-1 this page Live 1 1,234 1 entry, 2.0 ms" in page
    assert "web-2 Lost 1 0 17 Mar" in page
    assert "This server" in page


async def test_calls_and_events_of_a_deleted_user_are_found_by_the_id(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await call_of(server, ada, bob, "call1", 5)
    event = Event("1", server.core.environment.clock.utc(), "busy", bob.user_id, "bob", "set")
    await server.stores.events.add_many([event])
    await server.core.membership.delete(bob.user_id)
    browser = await signed_in("viewer")
    for q in (f"%23{bob.user_id}", str(bob.user_id), f"%23{bob.user_id},%23999"):
        assert f"deleted user #{bob.user_id}" in (await browser.get(f"/admin/calls?q={q}")).body, q
    for q in (f"%23{bob.user_id}", str(bob.user_id)):
        assert "No single user" not in (await browser.get(f"/admin/events?user={q}")).body, q
    assert "No calls match “<bdi>#999</bdi>”." in (await browser.get("/admin/calls?q=%23999")).body
    filtered = (await browser.get("/admin/calls?q=%23999&state=ended")).body
    assert "No calls match the filters and “<bdi>#999</bdi>”." in filtered
    for path in ("/admin/calls", "/admin/calls/call1", f"/admin/events?user={bob.user_id}"):
        page = (await browser.get(path)).body
        assert f"deleted user #{bob.user_id}" in page, path
        assert f'href="/admin/users/{bob.user_id}"' not in page, path


async def test_a_page_beyond_the_end_of_a_list_leads_to_the_first(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await call_of(server, await user("ada"), await user("bob"), "call1", 5)
    browser = await signed_in("viewer")
    page = (await browser.get("/admin/calls?page=2&state=ended")).body
    assert "This page is beyond the end of the list." in page
    assert 'href="?state=ended">First page' in page or 'href="/admin/calls?state=ended">First page' in page
    assert "Clear filters" not in page


async def test_the_system_page_lists_every_kind_of_close_code(server: RunningServer, signed_in: SignedIn) -> None:
    for code in (4501, 1000, 3000, 1000):
        server.core.counters.count_close(code)
    page = text((await (await signed_in("admin")).get("/admin/system")).body)
    assert "Sockets closed 1000: 2, 4501: 1, other: 1" in page


async def test_the_page_of_a_user_is_found_by_the_external_id(server: RunningServer, signed_in: SignedIn) -> None:
    await server.core.membership.create_external("a,b/c", "ada", None)
    browser = await signed_in("viewer")
    assert "ada" in (await browser.get("/admin/users/external:a%2Cb%2Fc")).body
    for nobody in ("external:nobody", "external:"):
        assert (await browser.get(f"/admin/users/{nobody}")).status in (400, 404)


async def test_the_page_of_a_user_names_the_server_of_each_socket_if_there_are_several(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    await socket(ada)
    browser = await signed_in("viewer")
    assert ">Server<" not in (await browser.get(f"/admin/users/{ada.user_id}")).body
    server.core.session_list.label = lambda _: "web-1"
    page = (await browser.get(f"/admin/users/{ada.user_id}")).body
    assert ">Server<" in page
    assert '<td data-label="Server">web-1</td>' in page


async def test_the_live_page_is_as_of_its_seq(server: RunningServer, signed_in: SignedIn, user: MakePerson) -> None:
    await (await user("ada")).post("/users/me/heartbeat")
    page = (await (await signed_in("viewer")).get("/admin")).body
    assert f'data-seq="{server.core.overview_feed.seq}"' in page
    assert "ada" in page


@pytest.mark.parametrize(
    ("theme", "attribute"),
    [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ("", ""), ('"><script>', "")],
)
async def test_the_theme_of_the_cookie_is_printed(theme: str, attribute: str, browser: Browser) -> None:
    browser.cookies["rollcall_theme"] = theme
    assert f'<html lang="en"{attribute}>' in (await browser.get("/admin/login")).body


async def test_files_of_pages_are_kept_for_good_and_change_their_address(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    page = (await browser.get("/admin/users")).body
    (version,) = set(re.findall(r'"/static/v/([0-9a-f]{12})/', page))
    for url in re.findall(r'"(/static/v/[^"]+)"', page):
        answer = await browser.get(url)
        assert answer.status == 200, url
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert f'<meta name="version" content="{version}">' in page
    assert (await browser.get("/static/v/000000000000/admin/base.css")).status == 404
    assert (await browser.get(f"/static/v/{version}/admin/nothing.css")).status == 404
    assert (await browser.get(f"/static/v/{version}/../../server.py")).status in (403, 404)


async def test_the_live_page_loads_all_its_scripts_at_once(signed_in: SignedIn) -> None:
    page = (await (await signed_in("viewer")).get("/admin")).body
    preloaded = {Path(url).name for url in re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)}
    assert preloaded == imported("live.js") - {"live.js"}


def imported(name: str) -> set[str]:
    """Return the script and everything it imports, directly or indirectly."""
    found, due = set[str](), {name}
    while due:
        script = due.pop()
        found.add(script)
        if (SCRIPTS / script).exists():
            due |= set(re.findall(r'from "\.{1,2}/([^"]+)"', (SCRIPTS / script).read_text(encoding="utf-8"))) - found
    return found


@pytest.mark.parametrize("path", ["/admin", "/admin/wall", "/admin/users", "/admin/login"])
async def test_every_file_that_a_page_names_is_there(path: str, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    if path == "/admin/login":
        browser.cookies.clear()
    page = (await browser.get(path)).body
    urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(urls) > 3
    assert [url for url in urls if (await browser.get(url)).status != 200] == []


def number_of(page: str, name: str) -> int:
    """Return a data attribute of a live page as a number."""
    found = re.search(rf' data-{name}="(\d+)"', page)
    assert found, name
    return int(found[1])


USUAL = {"events-shown": 50, "targets-limit": 500, "stale-ms": 3000, "gap-ms": 20_000, "history-ms": 900_000}


@pytest.mark.parametrize("path", ["/admin", "/admin/wall"])
async def test_a_page_carries_the_numbers_that_its_script_goes_by(path: str, signed_in: SignedIn) -> None:
    page = (await (await signed_in("viewer")).get(path)).body
    assert {name: number_of(page, name) for name in USUAL} == USUAL


@pytest.mark.settings(events_shown=7)
async def test_the_script_keeps_as_many_events_as_the_setting_says(signed_in: SignedIn) -> None:
    assert number_of((await (await signed_in("viewer")).get("/admin")).body, "events-shown") == 7


@pytest.mark.settings(action_targets_limit=3)
async def test_an_action_is_offered_for_as_many_users_as_the_setting_allows(
    server: RunningServer, signed_in: SignedIn
) -> None:
    await users_named(server, 4)
    browser = await signed_in("operator")
    live = (await browser.get("/admin")).body
    assert number_of(live, "targets-limit") == 3
    offered = {}
    for query in ("q=user", "q=user003"):
        users, live = [(await browser.get(f"{path}?{query}")).body for path in ("/admin/users", "/admin")]
        offered[query] = ("Sign out " in users, re.search(r'data-users="bulk"( hidden)?>', live)[1] is None)  # type: ignore[index]
    assert offered == {"q=user": (False, False), "q=user003": (True, True)}


@pytest.mark.settings(overview_idle_seconds=5.0)
async def test_a_page_is_stale_only_after_several_signs_of_life_are_missing(signed_in: SignedIn) -> None:
    assert number_of((await (await signed_in("viewer")).get("/admin")).body, "stale-ms") == 15_000


@pytest.mark.settings(overview_idle_seconds=0.25)
async def test_a_short_pause_on_the_network_makes_no_page_stale(signed_in: SignedIn) -> None:
    assert number_of((await (await signed_in("viewer")).get("/admin")).body, "stale-ms") == 3000


@pytest.mark.settings(sample_interval_seconds=60.0)
async def test_the_charts_lines_are_whole_however_rarely_the_figures_are_sampled(
    server: RunningServer, signed_in: SignedIn
) -> None:
    now = server.core.environment.clock.utc()
    server.core.overview.restore([Sample(now - timedelta(minutes=age), 3, 2, 1, 1) for age in range(14, 0, -1)])
    page = (await (await signed_in("viewer")).get("/admin")).body
    assert number_of(page, "gap-ms") == 240_000
    paths = re.findall(r'data-chart="[a-z-]+" d="([^"]+)"', page)
    assert [(path.count("M"), path.count("L") > 12) for path in paths] == [(1, True)] * 5


@pytest.mark.settings(sample_interval_seconds=0.5)
async def test_a_gap_of_a_few_pixels_is_none(signed_in: SignedIn) -> None:
    assert number_of((await (await signed_in("viewer")).get("/admin")).body, "gap-ms") == 10_000


@pytest.mark.settings(page_rows=2)
async def test_without_a_script_the_live_page_has_as_many_rows_as_the_setting_says(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    people = [await user(name) for name in ("ada", "bob", "cem", "dan", "eve", "fox")]
    for person in people:
        await person.post("/users/me/heartbeat")
    for caller, callee in zip(people[::2], people[1::2], strict=True):
        await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "audio"})
    page = (await (await signed_in("viewer")).get("/admin")).body
    assert (page.count('class="parties"'), page.count('class="cell-who"')) == (2 + 1, 2 + 1)  # plus a blank one


async def test_the_chart_says_how_much_time_it_covers(signed_in: SignedIn) -> None:
    page = (await (await signed_in("viewer")).get("/admin")).body
    assert number_of(page, "history-ms") == 900_000
    assert ">Last 15 minutes<" in page


async def test_a_reason_may_be_as_long_as_the_form_lets_it(signed_in: SignedIn, user: MakePerson) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    browser = await signed_in("operator")
    for path in ("/admin", f"/admin/actions?action=force_offline&user_id={ada.user_id}"):
        assert f'name="reason" required maxlength="{REASON_LIMIT}"' in (await browser.get(path)).body


@pytest.mark.parametrize("path", ["calls", "events", "audit"])
async def test_lists_in_the_store_end_where_their_rows_are_no_longer_counted(signed_in: SignedIn, path: str) -> None:
    browser = await signed_in("admin")
    assert (await browser.get(f"/admin/{path}?page=200")).status == 200
    assert (await browser.get(f"/admin/{path}?page=201")).status == 400


RIGHT_TO_LEFT = "محمد"
TURNING = "\u202eada"
"""As an earlier version accepted it."""


async def test_a_name_stands_in_its_own_direction_wherever_it_is_printed(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    one, other = await user(RIGHT_TO_LEFT), await user(TURNING)
    for each in (one, other):
        await each.post("/users/me/heartbeat")
    call_id = (await one.post("/calls/start", {"callee_id": other.user_id, "call_type": "audio"})).body["call_id"]
    browser = await signed_in("operator")
    mark = "<bdi{}>{}</bdi>"
    pages = {
        "/admin": [mark.format(f' data-f="{part}"', name) for part, name in (
            ("username", RIGHT_TO_LEFT), ("username", TURNING), ("caller", RIGHT_TO_LEFT), ("callee", TURNING),
        )],
        "/admin/users": [mark.format("", RIGHT_TO_LEFT), mark.format("", TURNING)],
        f"/admin/users/{one.user_id}": [
            f"<title>{isolated(RIGHT_TO_LEFT)} ·", "<h1>" + mark.format("", RIGHT_TO_LEFT),
            f"on a call with {isolated('ada')},", f"{isolated(RIGHT_TO_LEFT)} called {isolated('ada')}",
        ],
        f"/admin/calls/{call_id}": [
            f"<title>Call between {isolated(RIGHT_TO_LEFT)} and {isolated('ada')} ·", mark.format("", TURNING),
        ],
        "/admin/wall": [f"{isolated(RIGHT_TO_LEFT)} → {isolated('ada')}"],
        f"/admin/actions?action=force_offline&user_id={one.user_id}": [f"<h1>Force offline: {isolated(RIGHT_TO_LEFT)}"],
    }  # fmt: skip
    for path, wanted in pages.items():
        body = (await browser.get(path)).body
        assert [each for each in wanted if each not in body] == [], path


async def test_names_are_plain_in_csv_and_in_the_audit(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    one, other = await user(RIGHT_TO_LEFT), await user("אסתר")
    for each in (one, other):
        await each.post("/users/me/heartbeat")
    await one.post("/calls/start", {"callee_id": other.user_id, "call_type": "audio"})
    browser = await signed_in("operator")
    fields = {"action": "clear_busy", "user_id": str(one.user_id), "reason": "test", "request_id": "r" * 24}
    await browser.post("/admin/actions", fields)
    await server.server._persistence.save_events()
    for path in ("/admin/events.csv", "/admin/audit.csv"):
        body = (await browser.get(path)).body
        assert "\u2068" not in body
        assert RIGHT_TO_LEFT in body
