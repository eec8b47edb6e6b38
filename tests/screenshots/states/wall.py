"""Wall: the wall display, as operators open it."""

from __future__ import annotations

from playwright.async_api import WebSocketRoute, expect

from tests.dashboard.crowds import ONLINE_SETTINGS
from tests.dashboard.site import call
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state
from tests.screenshots.states.connection import silence

WALL = "/admin/wall"


@place("quiet", **ONLINE_SETTINGS)
async def furnish_quiet(place: Place) -> None:
    """A small team with which nothing is wrong."""
    await place.site.start()
    people = await place.site.online("Ada Quist", "Björn Quist", "Chidi Quist", "Dora Quist", "محمد")
    await call(people[0], people[4])


plain("wall_everybody", WALL)
plain("wall_thousands", WALL, place="thousands")
plain("wall_nobody", WALL, place="nobody")
plain("wall_quiet", WALL, place="quiet", role="viewer")
plain("wall_tag", WALL + "?tag=support+of+the+night+shift")
plain("wall_tag_of_nobody", WALL + "?tag=marketing", place="quiet")
plain("wall_without_scripts", WALL, options={"java_script_enabled": False})


@state("wall_full_screen", WALL)
async def fill_the_screen(scene: Scene) -> None:
    """Full screen, while the pointer moves."""
    await scene.page.keyboard.press("f")
    await scene.page.wait_for_function("() => document.fullscreenElement !== null")
    await scene.page.mouse.move(300, 300)


@state("wall_stale", WALL)
async def turn_stale(scene: Scene) -> None:
    """The connection is silent."""
    await silence(scene)


@state("wall_disconnected", WALL)
async def disconnect(scene: Scene) -> None:
    """The server is away."""
    open_sockets: list[WebSocketRoute] = []
    is_down = False

    async def relay(socket: WebSocketRoute) -> None:
        if is_down:
            await socket.close(code=1011)
        else:
            socket.connect_to_server()
            open_sockets.append(socket)

    await scene.page.route_web_socket("**/ws/operators*", relay)
    await scene.page.reload()
    await scene.page.wait_for_function("() => document.documentElement.dataset.feed === 'live'")
    is_down = True
    for each in open_sockets:
        await each.close(code=1011)
    await expect(scene.page.locator("[data-banner=chip]")).to_have_class("connection down")
