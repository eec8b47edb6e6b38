"""Screens on walls: an admin makes a link, a browser opens it once, and its cookie opens the wall and nothing else."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
import websockets

from models.audit import AuditEntry
from models.errors import StoreUnavailable
from tests.admin.browser import JSON_PLEASE, Browser, set_cookies
from tests.admin.conftest import AddOperator, SignedIn
from tests.admin.test_roles import FORMS, TABLE
from tests.clients import Answer, Socket
from tests.conftest import MakePerson
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen
from tests.tagging import tag

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

COOKIE = "rollcall_screen"

OF_SCREENS = ("/admin/screen", "/admin/screen/overview", "/ws/screens")
"""What the cookie of a screen opens."""

OpenScreen = Callable[..., Awaitable[Browser]]


class Links:
    """An admin who makes links for screens. Their secrets must not appear in a log."""

    def __init__(self, admin: Browser, seen: SecretsSeen) -> None:
        self.admin = admin
        self._seen = seen

    async def make(self, name: str = "Lobby", **fields: str) -> str:
        """Make a screen. Returns the secret of its link."""
        return self.secret_on(await self.admin.post("/admin/screens", {"name": name, **fields}))

    def secret_on(self, page: Answer) -> str:
        """Return the secret of the link on a page."""
        assert page.status == 200, page.body
        (link,) = re.findall(r'value="(http[^"]+)"', page.body)
        url, _, secret = html.unescape(link).partition("#")
        assert url == f"{self.admin.base_url}/admin/screen"
        self._seen.note(secret)
        return secret

    async def id_of(self, name: str = "Lobby") -> str:
        """Return the id of a screen."""
        page = (await self.admin.get("/admin/screens")).body
        (screen_id,) = re.findall(rf'screens/([0-9a-f]{{16}})\?change=revoke" aria-label="Revoke {name}"', page)
        return str(screen_id)

    async def change(self, change: str, name: str = "Lobby", **fields: str) -> Answer:
        """Change a screen."""
        return await self.admin.post(f"/admin/screens/{await self.id_of(name)}", {"change": change, **fields})


@pytest.fixture
def links(signed_in: SignedIn, secrets_seen: SecretsSeen, io_loop: Any) -> Links:
    """An admin who is signed in."""
    return Links(io_loop.run_sync(lambda: signed_in("admin")), secrets_seen)


@pytest.fixture
def opened(new_browser: Callable[[], Browser], secrets_seen: SecretsSeen) -> OpenScreen:
    """Opens a link in a new browser, as its script does."""

    async def open_link(secret: str) -> Browser:
        browser = new_browser()
        answer = await use(browser, secret)
        assert (answer.status, answer.headers["Location"]) == (303, "/admin/screen"), answer.body
        secrets_seen.note(browser.cookies[COOKIE])
        return browser

    return open_link


async def use(browser: Browser, secret: str) -> Answer:
    """Open a link."""
    await browser.get("/admin/screen")
    return await browser.post("/admin/screen", {"code": f"#{secret}"})


async def socket_of(server: RunningServer, browser: Browser, path: str = "/ws/screens") -> Socket:
    """Open a socket with a browser's cookies."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return await Socket.open(f"ws://{server.address}{path}", headers={"Cookie": cookies}, subprotocols=["rollcall.v1"])


async def entries(server: RunningServer, action: str) -> list[AuditEntry]:
    """Return the entries of one action in the audit."""
    return (await server.stores.audit.page(action=action, skip=0, limit=10))[0]


async def test_a_link_becomes_the_cookie_of_a_screen_that_shows_the_wall(
    links: Links, opened: OpenScreen, user: MakePerson, server: RunningServer
) -> None:
    await (await user("Ada <b>")).post("/users/me/heartbeat")
    screen = await opened(await links.make("Lobby & <i>hall"))
    page = (await screen.get("/admin/screen")).body
    assert "Lobby &amp; &lt;i&gt;hall" in page
    assert "Ada &lt;b&gt;" in page.partition("Available now")[2]
    overview = (await screen.get("/admin/screen/overview", headers=JSON_PLEASE)).body
    assert [each["username"] for each in overview["users"]] == ["Ada <b>"]
    async with await socket_of(server, screen) as socket:
        hello = await socket.take()
        assert (hello["operator"], hello["role"]) == ("Lobby & <i>hall", "screen")
        assert (await socket.take())["type"] == "overview"


async def test_the_page_of_a_screen_has_no_menu_and_no_link_that_leads_away(
    links: Links, opened: OpenScreen, user: MakePerson
) -> None:
    people = [await user(name) for name in ("ada", "bob")]
    for each in people:
        await each.post("/users/me/heartbeat")
    await people[0].post("/calls/start", {"callee_id": people[1].user_id, "call_type": "audio"})
    page = (await (await opened(await links.make())).get("/admin/screen")).body
    body = page.partition("<body")[2]
    assert set(re.findall(r'href="([^"]*)"', body)) == {"#main"}
    assert set(re.findall(r'action="([^"]*)"', body)) == {"/admin/screen"}  # the form that a link fills in
    assert '<noscript><meta http-equiv="refresh"' in page  # without scripts, the page is loaded again and again
    for absent in ("<nav", 'id="account"', "Sign out", "data-acts"):
        assert absent not in body


async def test_a_link_works_once_and_says_so(
    links: Links, opened: OpenScreen, new_browser: Callable[[], Browser], server: RunningServer
) -> None:
    secret = await links.make()
    screen = await opened(secret)
    thief = new_browser()
    answer = await use(thief, secret)
    assert answer.status == 401
    assert "This link was already opened, and works only once." in answer.body
    assert secret not in answer.body
    assert COOKIE not in thief.cookies
    assert (await screen.get("/admin/screen/overview")).status == 200
    refused, done = await entries(server, "screen_open")
    assert (done.operator, done.target_name, done.outcome) == ("screen:Lobby", "Lobby", "done")
    assert (refused.target_name, refused.outcome) == ("Lobby", "refused: AUTH_ERROR")
    unknown = await thief.post("/admin/screen", {"code": secrets.token_urlsafe(32)}, headers=JSON_PLEASE)
    assert (unknown.status, unknown.body["error"]["code"]) == (401, "AUTH_ERROR")
    assert len(await entries(server, "screen_open")) == 2


async def test_a_program_that_only_requests_the_link_does_not_use_it_up(
    links: Links, opened: OpenScreen, new_browser: Callable[[], Browser]
) -> None:
    secret = await links.make()
    preview = new_browser()
    for method in ("HEAD", "GET"):
        assert (await preview.request(method, "/admin/screen")).status == 200
    assert COOKIE not in preview.cookies
    await opened(secret)


async def test_another_site_cannot_use_a_link_up(links: Links, opened: OpenScreen, browser: Browser) -> None:
    secret = await links.make()
    answer = await browser.post("/admin/screen", {"code": secret}, with_xsrf=False)
    assert answer.status == 403
    await opened(secret)


async def test_a_screen_that_opens_its_own_link_again_stays_connected(links: Links, opened: OpenScreen) -> None:
    secret = await links.make()
    screen = await opened(secret)
    answer = await use(screen, secret)
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/screen")
    assert (await screen.get("/admin/screen/overview")).status == 200
    other = await links.make("Canteen")
    assert (await use(screen, other)).status == 303
    assert "Canteen" in (await screen.get("/admin/screen")).body


async def test_the_cookie_lasts_as_long_as_browsers_allow_and_begins_anew(
    links: Links, new_browser: Callable[[], Browser]
) -> None:
    browser = new_browser()
    answer = await use(browser, await links.make())
    for each in (answer, await browser.get("/admin/screen")):
        (cookie,) = (SimpleCookie(line)[COOKIE] for line in set_cookies(each) if line.startswith(COOKIE))
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        assert int(cookie["max-age"]) == 400 * 86400


async def test_the_cookie_opens_the_wall_and_nothing_else(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    screen = await opened(await links.make())
    wrong = []
    for method, _, url in TABLE:
        if url in (*OF_SCREENS, "/admin/login"):
            continue
        answer = await (screen.get(url) if method == "GET" else screen.post(url, FORMS.get(url, {})))
        leads_to = answer.headers.get("Location", "").partition("?")[0]
        is_refused = answer.status in (400, 401) or (answer.status == 303 and leads_to == "/admin/login")
        if not is_refused and url != "/admin/wall":
            wrong.append((method, url, answer.status))
    assert wrong == []
    assert (await screen.get("/admin/wall")).headers["Location"] == "/admin/screen"
    for path in ("/users/me", "/feed/users", "/server/users"):
        assert (await screen.get(path)).status == 401
    socket = await socket_of(server, screen, "/ws/operators")
    assert (await socket.take())["code"] == "AUTH_ERROR"
    assert await socket.closed() == 4401
    for channel in ("feed", "presence"):
        assert await (await socket_of(server, screen, f"/ws/{channel}")).closed() == 4500


async def test_only_a_screen_opens_what_is_for_screens(links: Links, server: RunningServer, browser: Browser) -> None:
    for each in (links.admin, browser):
        assert (await each.get("/admin/screen/overview")).status == 401
        assert "Connect this screen" in (await each.get("/admin/screen")).body
        assert await (await socket_of(server, each)).closed() == 4401


async def test_the_socket_of_a_screen_takes_no_command_but_a_ping(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    async with await socket_of(server, await opened(await links.make())) as socket:
        for _ in range(2):
            await socket.take()
        for command in ({"type": "heartbeat"}, {"type": "subscribe", "channel": "feed"}, {"type": "end_call"}):
            await socket.send(command)
        assert (await socket.next("error"))["code"] == "INVALID_MESSAGE_ERROR"
        await socket.send({"type": "ping", "timestamp": 7})
        assert (await socket.next("pong"))["timestamp"] == 7


async def test_a_page_of_another_origin_does_not_open_the_socket(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    screen = await opened(await links.make())
    cookie = {"Cookie": f"{COOKIE}={screen.cookies[COOKIE]}", "Origin": "https://evil.example"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await Socket.open(f"ws://{server.address}/ws/screens", headers=cookie)
    assert refused.value.response.status_code == 403


async def test_revoking_closes_the_sockets_and_ends_the_cookie(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    secret = await links.make()
    screen, other = await opened(secret), await opened(await links.make("Canteen"))
    async with await socket_of(server, screen) as socket, await socket_of(server, other) as stays:
        form = (await links.admin.get(f"/admin/screens/{await links.id_of()}", change="revoke")).body
        assert "stops showing the wall immediately" in form
        answer = await links.change("revoke", reason="taken down")
        assert (answer.status, answer.headers["Location"]) == (303, "/admin/screens")
        assert await socket.closed() == 4401
        await stays.settle()
    page = (await links.admin.get("/admin/screens")).body
    assert "Revoked Lobby." in page
    assert "Revoke Lobby" not in page
    assert (await screen.get("/admin/screen/overview")).status == 401
    assert "Connect this screen" in (await screen.get("/admin/screen")).body
    assert "was revoked" in (await use(screen, secret)).body
    (entry,) = await entries(server, "screen_revoke")
    assert (entry.operator, entry.target_name, entry.reason) == ("admin", "Lobby", "taken down")


async def test_a_revocation_on_another_server_closes_the_sockets_here(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    async with await socket_of(server, await opened(await links.make())) as socket:
        await server.stores.notices.post("sign_in_ended", login_id=f"screen:{await links.id_of()}")
        assert await socket.closed() == 4401


async def test_a_new_link_takes_the_place_of_the_old_one(
    links: Links, opened: OpenScreen, new_browser: Callable[[], Browser], server: RunningServer
) -> None:
    old = await links.make()
    screen = await opened(old)
    async with await socket_of(server, screen) as socket:
        new = links.secret_on(await links.change("renew"))
        assert await socket.closed() == 4401
    assert (await screen.get("/admin/screen/overview")).status == 401
    assert (await use(new_browser(), old)).status == 401
    await opened(new)
    assert [each.target_name for each in await entries(server, "screen_renew")] == ["Lobby"]


async def test_the_page_lists_screens_with_who_made_them_and_their_last_sign_of_life(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    await opened(await links.make())
    await links.make("Canteen")
    page = (await links.admin.get("/admin/screens")).body
    canteen, lobby = page.partition("<tbody>")[2].split("</tr>")[:2]
    assert "Link not opened; works until <time" in re.sub(r"</?span[^>]*>", "", canteen).replace("<br>", " ")
    assert "made by <bdi>admin</bdi>" in lobby
    assert ">On<" in lobby
    assert "127.0.0.1" in lobby
    assert lobby.count("<time") == 3  # made, last sign of life, opened
    screen_id = await links.id_of()
    long_ago = server.server.core.environment.clock.utc() - timedelta(hours=1)
    collection = server.stores.screens._screens
    await collection.update_one({"_id": screen_id}, {"$set": {"seen_at": long_ago}})
    assert ">Silent<" in (await links.admin.get("/admin/screens")).body
    asked = (await links.admin.get(f"/admin/screens/{screen_id}", change="renew")).body
    assert "can no longer show the wall, until you open its new link there" in asked
    asked = (await links.admin.get(f"/admin/screens/{await links.id_of('Canteen')}", change="revoke")).body
    assert "has never opened its link" in asked
    assert "stops showing" not in asked
    asked = (await links.admin.get(f"/admin/screens/{screen_id}", change="revoke")).body
    assert "can no longer show the wall, and is removed from the list" in asked
    await collection.update_one({"cookie_hash": None}, {"$set": {"link_until": long_ago}})
    assert "Link expired" in (await links.admin.get("/admin/screens")).body
    for change in ("renew", "revoke"):
        asked = (await links.admin.get(f"/admin/screens/{await links.id_of('Canteen')}", change=change)).body
        assert "and was never opened" in asked
        assert "stops working" not in asked


async def test_a_screen_with_an_open_socket_is_on_and_gives_signs_of_life(
    links: Links, opened: OpenScreen, server: RunningServer
) -> None:
    async with await socket_of(server, await opened(await links.make())) as socket:
        await socket.take()
        clock = server.server.core.environment.clock
        long_ago = clock.utc() - timedelta(hours=1)
        collection = server.stores.screens._screens
        await collection.update_one({"cookie_hash": {"$ne": None}}, {"$set": {"seen_at": long_ago}})
        assert ">On<" in (await links.admin.get("/admin/screens")).body
        await server.server._background._keep_sign_ins()
        (screen,) = await server.stores.screens.all()
        assert screen.seen_at is not None
        assert clock.utc() - screen.seen_at < timedelta(minutes=1)
        await server.stores.screens.remove(screen.screen_id)  # as if the notice of it were lost
        await server.server._background._keep_sign_ins()
        assert await socket.closed() == 4401


@pytest.mark.settings(screens_limit=2)
async def test_refused_screens_say_why_and_keep_what_was_typed(links: Links, server: RunningServer) -> None:
    await links.make()
    for fields, status, problem in (
        ({"name": "lobby"}, 409, "There is already a screen named lobby."),
        ({"name": "a\u202eb"}, 400, "The name of a screen must have"),
        ({"name": "Hall", "tag": "x" * 65}, 400, "A tag must have"),
    ):
        answer = await links.admin.post("/admin/screens", fields)
        assert answer.status == status
        assert problem in answer.body
        assert f'value="{fields["name"]}"' in answer.body
    await links.make("Canteen")
    full = await links.admin.post("/admin/screens", {"name": "Roof"}, headers=JSON_PLEASE)
    assert (full.status, full.body["error"]["code"]) == (409, "TOO_MANY_SCREENS")
    outcomes = [each.outcome for each in await entries(server, "screen_add")]
    assert outcomes == ["refused: TOO_MANY_SCREENS", "done", *["refused: INVALID_REQUEST"] * 2,
                        "refused: SCREEN_NAME_TAKEN", "done"]  # fmt: skip


async def test_scripts_get_json(links: Links, secrets_seen: SecretsSeen) -> None:
    made = (await links.admin.post("/admin/screens", {"name": "Lobby"}, headers=JSON_PLEASE)).body
    secrets_seen.note(made["link"].partition("#")[2])
    assert made["screen"]["name"] == "Lobby"
    url = f"/admin/screens/{made['screen']['screen_id']}"
    assert (await links.admin.post(url, {"change": "revoke"}, headers=JSON_PLEASE)).body["screen"] == made["screen"]
    assert (await links.admin.post(url, {"change": "revoke"}, headers=JSON_PLEASE)).status == 404
    assert (await links.admin.post(url, {"change": "paint"}, headers=JSON_PLEASE)).status == 400


async def test_a_screen_with_a_tag_lists_only_available_users_who_have_it(
    links: Links, opened: OpenScreen, user: MakePerson, server: RunningServer
) -> None:
    people = [await user(name) for name in ("ada", "bob")]
    for each in people:
        await each.post("/users/me/heartbeat")
    screen = await opened(await links.make(tag="sales"))

    async def listed() -> str:
        page: str = (await screen.get("/admin/screen")).body
        return page.partition('id="free"')[2].partition("</section>")[0]

    assert "Nobody with this tag is available right now" in await listed()
    await tag(server, people[1].user_id, "sales")
    free = await listed()
    assert ("ada" in free, "bob" in free, "sales" in free) == (False, True, True)
    wall = (await links.admin.get("/admin/wall", tag="sales")).body
    assert wall.partition('id="free"')[2].partition("</section>")[0] == free


async def test_only_admins_find_the_page_in_the_menu(links: Links, operator: AddOperator, signed_in: SignedIn) -> None:
    assert 'href="/admin/screens"' in (await links.admin.get("/admin")).body
    assert 'href="/admin/screens"' not in (await (await signed_in("operator")).get("/admin")).body


async def test_an_outage_of_the_store_is_no_dead_end(
    links: Links, opened: OpenScreen, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = await opened(await links.make())

    async def fail(_: object) -> None:
        raise StoreUnavailable("a test")

    monkeypatch.setattr(server.stores.screens, "of_cookie", fail)
    answer = await screen.get("/admin/screen")
    assert (answer.status, answer.headers["Refresh"]) == (503, "10")
    assert "href" not in answer.body.partition("<main")[2]
    monkeypatch.undo()
    assert (await screen.get("/admin/screen")).status == 200
