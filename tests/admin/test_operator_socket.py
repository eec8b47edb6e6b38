"""/ws/operators: who may connect, and when the server closes the socket."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets

from handlers.admin.socket import OperatorSocketHandler
from realtime.protocol import CloseCode
from tests.admin.browser import SESSION_COOKIE, Browser
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.clients import RawSocket, Socket
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

Open = Callable[..., Awaitable[Socket]]


@pytest.fixture
def opened(server: RunningServer) -> Open:
    """Opens an operator socket with a browser's cookies."""

    async def open_socket(browser: Browser | None, query: str = "", **headers: str) -> Socket:
        given: dict[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        if browser is not None:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return await Socket.open(
            f"ws://{server.address}/ws/operators{query}", headers=given, subprotocols=["rollcall.v1"]
        )

    return open_socket


async def refusal(socket: Socket) -> tuple[dict[str, Any], int]:
    """Return the only message and the close code."""
    return await socket.take(), await socket.closed()


async def test_an_operator_is_told_everything_at_once(opened: Open, signed_in: SignedIn, user: MakePerson) -> None:
    await (await user("ada")).post("/users/me/heartbeat")
    browser = await signed_in("viewer")
    page = (await browser.get("/admin")).body
    async with await opened(browser) as socket:
        hello = await socket.take()
        assert (hello["type"], hello["operator"], hello["role"], hello["channel"]) == (
            "connection_established", "viewer", "viewer", "operators",
        )  # fmt: skip
        assert f'<meta name="version" content="{hello["version"]}">' in page
        overview = await socket.take()
        assert overview["type"] == "overview"
        assert [each["username"] for each in overview["users"]] == ["ada"]


async def test_nobody_else_is(opened: Open, browser: Browser, user: MakePerson) -> None:
    ada = await user("ada")
    impostor = Browser.__new__(Browser)
    impostor.cookies = {SESSION_COOKIE: secrets.token_urlsafe(32)}
    for socket in (
        await opened(None),
        await opened(impostor),
        await opened(None, f"?token={ada.token}"),
        await opened(None, Authorization=f"Bearer {ada.token}"),
    ):
        message, code = await refusal(socket)
        assert (message["type"], message["code"], code) == ("error", "AUTH_ERROR", 4401)


async def test_an_operators_cookie_opens_no_socket_of_users(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    cookie = f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}"
    for channel in ("feed", "presence"):
        socket = await Socket.open(f"ws://{server.address}/ws/{channel}", headers={"Cookie": cookie})
        assert await socket.closed() == CloseCode.REFUSED


@pytest.mark.settings(allowed_origins=("https://app.example",))
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://app.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_a_page_of_another_origin_does_not_open_it(
    headers: dict[str, str], opened: Open, signed_in: SignedIn
) -> None:
    browser = await signed_in("viewer")
    with pytest.raises(websockets.InvalidStatus) as refused:
        await opened(browser, **headers)
    assert refused.value.response.status_code == 403


async def test_a_name_that_somebody_points_at_this_server_opens_nothing(server: RunningServer) -> None:
    socket, status = await RawSocket.open(server.port, "/ws/operators", Host="evil.example")
    assert status == 403
    socket.end()


async def test_our_own_page_opens_it(server: RunningServer, opened: Open, signed_in: SignedIn) -> None:
    async with await opened(await signed_in("viewer"), Origin=f"http://{server.address}") as socket:
        assert (await socket.take())["type"] == "connection_established"


async def test_signed_out_in_one_tab_all_sockets_of_the_sign_in_end(
    opened: Open, signed_in: SignedIn, operator: AddOperator, new_browser: Callable[[], Browser]
) -> None:
    browser = await signed_in("viewer")
    elsewhere = await new_browser().signed_in("viewer", PASSWORD)
    tabs, other = [await opened(browser) for _ in range(3)], await opened(elsewhere)
    await browser.post("/admin/logout")
    assert [await tab.closed() for tab in tabs] == [4401] * 3
    await other.ask({"type": "ping"}, "pong")
    await other.close()


async def test_who_signs_out_while_a_socket_opens_loses_it_as_well(
    server: RunningServer, opened: Open, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = OperatorSocketHandler.prepare

    async def prepare_and_sign_out(handler: OperatorSocketHandler) -> None:
        await prepare(handler)
        assert handler.signed_in is not None
        await server.stores.sign_ins.end(handler.signed_in.sign_in.sign_in_id)
        server.core.operator_sessions.close_sign_in(handler.signed_in.sign_in.sign_in_id)

    monkeypatch.setattr(OperatorSocketHandler, "prepare", prepare_and_sign_out)
    browser = await signed_in("viewer")
    assert await (await opened(browser)).closed() == 4401


@pytest.mark.parametrize(
    "change",
    [{"change": "disable", "reason": "left"}, {"change": "role", "role": "viewer", "reason": "new tasks"}],
    ids=str,
)
async def test_an_operator_who_is_changed_loses_all_sockets(
    change: dict[str, str], opened: Open, signed_in: SignedIn, operator: AddOperator, new_browser: Callable[[], Browser]
) -> None:
    admin, other = await signed_in("admin"), await operator("operator", "maya")
    sockets = [await opened(await new_browser().signed_in("maya", PASSWORD)) for _ in range(2)]
    await admin.post(f"/admin/operators/{other.operator_id}", change)
    assert [await socket.closed() for socket in sockets] == [4401] * 2


async def test_an_action_by_one_shows_at_the_other_and_is_named(
    opened: Open, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    acting, watching = await signed_in("operator"), await opened(await signed_in("viewer"))
    await watching.next("overview")
    fields = {"action": "force_offline", "user_id": "1", "reason": "a test", "request_id": "0123456789"}
    await acting.post("/admin/actions", fields)
    told = await watching.next("overview_update")
    while not told.get("users"):
        told = await watching.next("overview_update")
    (row,) = told["users"]
    assert (row["state"], row["because"]["text"]) == ("offline", "forced offline by operator")
    await watching.close()


async def test_actions_never_go_over_the_socket(opened: Open, signed_in: SignedIn, user: MakePerson) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    async with await opened(await signed_in("admin")) as socket:
        await socket.send({"type": "force_offline", "user_id": 1, "reason": "x"})
        assert (await socket.next("error"))["code"] == "INVALID_MESSAGE_ERROR"
    assert (await ada.get("/users/me/status")).body["is_online"] is True


async def test_an_operators_socket_keeps_nobody_online(
    server: RunningServer, opened: Open, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    async with await opened(await signed_in("viewer")) as socket:
        await socket.ask({"type": "ping"}, "pong")
        assert server.core.registry.online == 0
        assert server.core.overview.sessions(1) == []


@pytest.mark.settings(operator_sockets_limit=1)
async def test_there_is_a_limit_to_sockets(opened: Open, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    async with await opened(browser) as first:
        assert await (await opened(browser)).closed() == 1013
        await first.ask({"type": "ping"}, "pong")


@pytest.mark.settings(sockets_per_operator=2)
async def test_one_operators_tabs_leave_room_for_the_others(opened: Open, signed_in: SignedIn) -> None:
    viewer, admin = await signed_in("viewer"), await signed_in("admin")
    sockets = [await opened(viewer), await opened(viewer)]
    assert await (await opened(viewer)).closed() == 1013
    sockets.append(await opened(admin))
    for each in sockets:
        await each.ask({"type": "ping"}, "pong")
        await each.close()


@pytest.mark.settings(refusals_per_address=2, refusals_per_second=0.001)
async def test_who_tries_again_and_again_is_turned_away_before_the_upgrade(opened: Open) -> None:
    for _ in range(2):
        assert await (await opened(None)).closed() == 4401
    with pytest.raises(websockets.InvalidStatus) as refused:
        await opened(None)
    assert refused.value.response.status_code == 429


async def test_a_server_that_stops_says_when_to_come_back(
    server: RunningServer, opened: Open, signed_in: SignedIn
) -> None:
    socket = await opened(await signed_in("viewer"))
    await socket.next("overview")
    stopping = asyncio.ensure_future(server.stop())
    assert (await socket.next("server_draining"))["reconnect_after_ms"] > 0
    assert await socket.closed() == 1012
    await stopping
