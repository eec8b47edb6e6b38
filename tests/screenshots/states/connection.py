"""Connection: what pages that follow the server say of their connection, from loading to being sent away."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from dataclasses import dataclass, field

from playwright.async_api import Route, WebSocketRoute, expect

from tests.dashboard.crowds import ONLINE_SETTINGS, gather_crowd
from tests.dashboard.live import Live
from tests.dashboard.site import call
from tests.dashboard.test_event_tail import turn
from tests.dashboard.test_screens import AGED_ONCE, link_for
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

GONE = 1001
RESTART = 1012
AWAY = 4503

COUNTDOWN = re.compile(r"Trying again in [2-9] s")
WAITING = re.compile(r"Paused, [1-9]\d* (changes|new events) waiting")
UPDATE = re.compile(r'"type": ?"(overview|subject)_update"')
STALE = re.compile("No update for [6-9] s")

TOP = {"height": 760}
"""What is said stands at the top of the page."""


@dataclass
class Line:
    """The sockets of a page, on their way to the server."""

    sockets: list[WebSocketRoute] = field(default_factory=list)
    code: int | None = None
    """New sockets are closed with this code."""
    is_silent: bool = False
    """New sockets are not answered."""
    has_updates: bool = True
    """Otherwise, what changes does not arrive. The rest does, so that the page keeps its socket."""

    async def relay(self, socket: WebSocketRoute) -> None:
        """Connect a new socket."""
        if self.code is not None:
            await socket.close(code=self.code)
        elif not self.is_silent:
            server = socket.connect_to_server()
            server.on_message(lambda message: self._deliver(socket, message))
            self.sockets.append(socket)

    def _deliver(self, socket: WebSocketRoute, message: str | bytes) -> None:
        if self.has_updates or not UPDATE.search(str(message)):
            socket.send(message)

    async def cut(self, code: int = GONE) -> None:
        """Close the latest socket, and each new one."""
        self.code = GONE
        await self.sockets[-1].close(code=code)


async def on_a_line(scene: Scene) -> Line:
    """Load the page again, with sockets that can be cut, and wait until it is live."""
    line = Line()
    await scene.page.route_web_socket(re.compile("/ws/(operators|screens)"), line.relay)
    await scene.page.reload()
    await expect(scene.live.chip).to_have_text("Live")
    return line


async def silence(scene: Scene) -> None:
    """Load the page again, and let no update arrive any more until the page says so. It goes on saying so."""
    line = await on_a_line(scene)
    line.has_updates = False
    await expect(scene.live.banner).to_contain_text(STALE)


async def lose(scene: Scene) -> None:
    """Cut the page's connection until it waits for some seconds between two attempts."""
    line = await on_a_line(scene)
    await line.cut()
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@place("connection_full", sockets_per_operator=1, **ONLINE_SETTINGS)
async def furnish_full(place: Place) -> None:
    """A server on which each operator can have one page that follows it."""
    await gather_crowd(place.site, 61)
    await place.site.start()


PATIENT = """document.addEventListener("readystatechange", () => {
  for (const part of document.querySelectorAll("[data-stale-ms]")) part.dataset.staleMs = "600000";
})"""
"""The page waits longer than usual until it calls itself stale."""


async def never_answered(route: Route) -> None:
    """Leave a request without an answer."""
    await asyncio.sleep(600)
    await route.abort()


# Live


@state("connection_loading", "/admin", **TOP)
async def load(scene: Scene) -> None:
    """The first overview is on its way."""
    await scene.page.add_init_script(PATIENT)
    await scene.page.route("**/admin/overview", never_answered)
    await scene.page.reload(wait_until="domcontentloaded")
    await expect(scene.live.chip).to_have_text(re.compile("Loading"))
    await scene.page.wait_for_timeout(500)


@state("connection_slow_line", "/admin", **TOP)
async def load_slowly(scene: Scene) -> None:
    """Nothing of the first overview arrives."""
    await scene.page.route("**/admin/overview", never_answered)
    await scene.page.reload(wait_until="domcontentloaded")
    await expect(scene.live.banner).to_contain_text(STALE)


@state("connection_stale", "/admin")
async def turn_stale(scene: Scene) -> None:
    """The server can't be heard."""
    await silence(scene)


@state("connection_stale_viewer", "/admin", role="viewer", **TOP)
async def turn_stale_for_a_viewer(scene: Scene) -> None:
    """The same without actions."""
    await silence(scene)


@state("connection_offline", "/admin", **TOP)
async def stay_offline(scene: Scene) -> None:
    """The browser has been offline for so long that the connection is given up."""
    await scene.page.context.set_offline(True)
    await expect(scene.live.banner).to_contain_text(re.compile("Connection lost.*in [2-9] s"), timeout=60_000)


@state("connection_lost", "/admin", place="fragile", is_alone=True)
async def lose_the_server(scene: Scene) -> None:
    """The server was killed."""
    scene.place.site.program.kill()
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_trying", "/admin", **TOP)
async def try_again(scene: Scene) -> None:
    """The next attempt is not answered."""
    line = await on_a_line(scene)
    line.is_silent = True
    await line.sockets[-1].close(code=GONE)
    await expect(scene.live.banner).to_contain_text("Trying again now.")


@state("connection_restarting", "/admin", place="fragile", is_alone=True, **TOP)
async def restart(scene: Scene) -> None:
    """The server was stopped, and has said so."""
    await scene.place.site.program.stop()
    await expect(scene.live.banner).to_contain_text("The server is restarting.")
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_back", "/admin", place="fragile", is_alone=True)
async def come_back(scene: Scene) -> None:
    """The server was killed and is there again: the chart has a gap."""
    scene.place.site.program.kill()
    await expect(scene.live.chip).to_have_text("Connection lost")
    await asyncio.sleep(25)
    await scene.place.site.program.start()
    await scene.live.retry()
    await expect(scene.live.toast).to_have_class(re.compile("shown"))


@state("connection_full", "/admin/audit", place="connection_full", is_alone=True, **TOP)
async def find_no_room(scene: Scene) -> None:
    """The operator has as many pages open as the server allows."""
    other = await scene.page.context.new_page()
    await other.goto(f"{scene.place.site.origin}/admin")
    await expect(Live(other).chip).to_have_text("Live")
    await scene.page.goto(f"{scene.place.site.origin}/admin")
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_away", "/admin", **TOP)
async def be_sent_away(scene: Scene) -> None:
    """The server doesn't want this page back."""
    await (await on_a_line(scene)).cut(AWAY)
    await expect(scene.live.banner).to_be_visible()


@state("connection_signed_out", "/admin/login", role="", **TOP)
async def be_signed_out(scene: Scene) -> None:
    """The operator has signed out in another tab."""
    site, page = scene.place.site, scene.page
    await site.sign_in(page, "second")
    await page.goto(f"{site.origin}/admin")
    await expect(scene.live.chip).to_have_text("Live")
    await site.sign_out(await page.context.new_page())
    await expect(scene.live.chip).to_have_text("Signed out")


@state("connection_paused", "/admin", place="nobody", **TOP)
async def pause(scene: Scene) -> None:
    """Nothing has changed since."""
    await scene.page.keyboard.press("p")


@state("connection_paused_waiting", "/admin")
async def pause_while_much_changes(scene: Scene) -> None:
    """Many changes wait."""
    people = await scene.place.online("Ada", "Bob", "Cem", "Dia")
    await scene.page.keyboard.press("p")
    await asyncio.gather(*[turn(person, times=9) for person in people])
    await expect(scene.live.chip).to_have_text(WAITING)


@state("connection_paused_lost", "/admin", **TOP)
async def lose_while_paused(scene: Scene) -> None:
    """The page was paused, and then its connection was lost."""
    line = await on_a_line(scene)
    await scene.page.keyboard.press("p")
    await line.cut()
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_paused_back", "/admin")
async def come_back_while_paused(scene: Scene) -> None:
    """The connection of a paused page is there again."""
    line = await on_a_line(scene)
    await scene.page.keyboard.press("p")
    await line.cut()
    await expect(scene.live.chip).to_have_text("Connection lost")
    line.code = None
    await scene.live.retry()
    await expect(scene.live.toast).to_have_class(re.compile("shown"))


@state("connection_new_version", "/admin")
async def offer_a_new_version(scene: Scene) -> None:
    """The server was updated."""
    await scene.page.add_init_script(AGED_ONCE)
    await scene.page.reload()
    await expect(scene.live.outdated).to_be_visible()


@state("connection_unstarted", "/admin/audit", **TOP)
async def fail_to_start(scene: Scene) -> None:
    """A script could not be loaded."""
    await scene.page.route("**/admin/banner.js", lambda route: route.fulfill(status=503))
    await scene.page.goto(f"{scene.place.site.origin}/admin")
    await expect(scene.live.chip).to_have_text("Not live")


@state("connection_never", "/admin", **TOP)
async def fail_to_connect(scene: Scene) -> None:
    """The first overview is refused, and so is the socket."""
    line = Line(code=GONE)
    await scene.page.route_web_socket(re.compile("/ws/operators"), line.relay)
    await scene.page.route("**/admin/overview", lambda route: route.fulfill(status=503))
    await scene.page.reload()
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_lost_dialog", "/admin", **TOP)
async def lose_with_a_dialog(scene: Scene) -> None:
    """The connection was lost while an action asked for its reason."""
    line = await on_a_line(scene)
    await scene.live.open_menu(scene.live.rows.first)
    await scene.live.menu.get_by_role("button", name="Sign out everywhere").click()
    await expect(scene.live.dialog.locator("[data-f=send]")).to_be_enabled()
    await line.cut()
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


# A user, a call and the events


plain("connection_user_live", "/admin/users/{longest}", **TOP)


@state("connection_user_lost", "/admin/users/{longest}", **TOP)
async def lose_a_user(scene: Scene) -> None:
    """On the page of a user."""
    await lose(scene)


@state("connection_user_paused", "/admin/users/{longest}", **TOP)
async def pause_a_user(scene: Scene) -> None:
    """Changes of this user wait."""
    (ada,) = await scene.place.online("Ada")
    await scene.page.goto(f"{scene.place.site.origin}/admin/users/{ada.user_id}")
    await expect(scene.live.chip).to_have_text("Live")
    await scene.page.keyboard.press("p")
    await turn(ada, times=5)
    await expect(scene.live.chip).to_have_text(WAITING)


@state("connection_user_renamed", "/admin/users/{longest}", **TOP)
async def rename_a_partner(scene: Scene) -> None:
    """Their name has changed."""
    ada, bob = await scene.place.online("Ada", "Bob")
    await call(ada, bob)
    await scene.page.goto(f"{scene.place.site.origin}/admin/users/{ada.user_id}")
    await expect(scene.live.chip).to_have_text("Live")
    new = f"Bob, renamed {secrets.token_hex(2)}"
    assert (await bob.patch("/users/me", {"username": new})).status == 200
    await expect(scene.page.locator("[data-f=partnerName]")).to_have_text(new)


@state("connection_call_stale", "/admin/calls/{call}", **TOP)
async def turn_a_call_stale(scene: Scene) -> None:
    """On the page of an ongoing call."""
    await silence(scene)


@state("connection_call_back", "/admin/calls/{call}", **TOP)
async def come_back_to_an_ended_call(scene: Scene) -> None:
    """The call ended while the connection was lost."""
    ada, bob = await scene.place.online("Ada", "Bob")
    call_id = await call(ada, bob)
    await scene.page.goto(f"{scene.place.site.origin}/admin/calls/{call_id}")
    line = await on_a_line(scene)
    await line.cut()
    await expect(scene.live.chip).to_have_text("Connection lost")
    assert (await ada.post("/calls/end", {"call_id": call_id})).status == 200
    line.code = None
    await scene.live.retry()
    await expect(scene.live.toast).to_have_class(re.compile("shown"))


@state("connection_events_lost", "/admin/events", **TOP)
async def lose_events(scene: Scene) -> None:
    """On the newest page of Events."""
    await lose(scene)


@state("connection_events_paused", "/admin/events", **TOP)
async def pause_events(scene: Scene) -> None:
    """New events wait."""
    (ada,) = await scene.place.online("Ada")
    await expect(scene.live.chip).to_have_text("Live")
    await scene.page.keyboard.press("p")
    await turn(ada, times=7)
    await expect(scene.live.chip).to_have_text(WAITING)


@state("connection_events_gap", "/admin/events", **TOP)
async def miss_events(scene: Scene) -> None:
    """More happened during a lost connection than the server tells."""
    (ada,) = await scene.place.online("Ada")
    line = await on_a_line(scene)
    await line.cut()
    await expect(scene.live.chip).to_have_text("Connection lost")
    await turn(ada, times=60)
    line.code = None
    await scene.live.retry()
    gap = scene.page.locator("tr.gap")
    await expect(gap).to_be_visible()
    await gap.evaluate("(row) => row.scrollIntoView({ block: 'center' })")


# The wall and screens


@state("connection_wall_loading", "/admin/wall", **TOP)
async def load_a_wall(scene: Scene) -> None:
    """The first overview is on its way."""
    await load(scene)


@state("connection_wall_restarting", "/admin/wall", **TOP)
async def restart_a_wall(scene: Scene) -> None:
    """The server has announced that it restarts."""
    line = await on_a_line(scene)
    line.sockets[-1].send(json.dumps({"type": "server_draining", "reconnect_after_ms": 9_000}))
    await line.cut(RESTART)
    await expect(scene.live.banner).to_contain_text(COUNTDOWN)


@state("connection_wall_new_version", "/admin/wall")
async def offer_a_wall_a_new_version(scene: Scene) -> None:
    """The server was updated."""
    await offer_a_new_version(scene)


async def on_a_screen(scene: Scene) -> None:
    """Turn the page into a screen's."""
    browser = scene.page.context.browser
    assert browser is not None
    site = scene.place.site
    admin = await browser.new_context(storage_state=await site.signed_in(browser, "admin"))
    link = await link_for(await admin.new_page(), site, f"Lobby {secrets.token_hex(2)}")
    await admin.close()
    await scene.page.goto(link)
    await expect(scene.live.chip).to_have_text("Live")


@state("connection_screen_stale", "/admin/screen", role="", **TOP)
async def turn_a_screen_stale(scene: Scene) -> None:
    """A screen that can't hear the server."""
    await on_a_screen(scene)
    await silence(scene)


@state("connection_screen_lost", "/admin/screen", role="", **TOP)
async def lose_a_screen(scene: Scene) -> None:
    """A screen without a connection."""
    await on_a_screen(scene)
    await lose(scene)


@state("connection_screen_revoked", "/admin/screen", role="", **TOP)
async def revoke_a_screen(scene: Scene) -> None:
    """A screen was told that its access ended, and has not been loaded again yet."""
    await on_a_screen(scene)
    line = await on_a_line(scene)
    await scene.page.route("**/admin/screen", lambda route: route.abort())
    line.code = 4401
    await line.sockets[-1].close(code=4401)
    await expect(scene.live.chip).to_have_text("Disconnected")
