"""Public: the pages that need no sign-in, and the pages of the client's examples."""

from __future__ import annotations

from playwright.async_api import WebSocketRoute

from tests.dashboard.site import call, heartbeat
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

NOBODY: dict[str, str] = {"role": ""}
DEMO = "/static/demo.html"
EXAMPLE = "/static/example.html"


@place("few", heartbeat_life_seconds=3600.0)
async def furnish_few(place: Place) -> None:
    """Eight users, some with long names, one of whom looks at the others."""
    await place.site.start()
    names = (
        "Ada Quist",
        "Björn Santos",
        "W" * 64,
        "محمد عبد الرحمن بن عبد العزيز آل سعود",
        "יהודה בן־אברהם",
        "Zoë <b>Íñigo</b>",
    )
    people = [await place.site.person(name) for name in (*names, "Emre Varga", "Farah Wei")]
    for each in people[:-1]:
        await heartbeat(each)
    await call(people[0], people[1])
    await people[2].put("/users/me/status", {"is_busy": True})
    place.ids.update(token=people[6].token)


plain("public_home", "/", **NOBODY)
plain("public_home_of_thousands", "/", place="thousands", **NOBODY)
plain("public_home_of_nobody", "/", place="nobody", **NOBODY)
plain("public_home_forced_colours", "/", options={"forced_colors": "active"}, **NOBODY)

for name in (
    "", "readme", "client", "protocol", "reference", "dashboard", "settings", "performance", "decisions",
    "decisions/tokens", "changelog", "troubleshooting",
):  # fmt: skip
    plain(f"public_docs_{name.replace('/', '_') or 'index'}", f"/docs/{name}".rstrip("/"), height=2400, **NOBODY)
plain("public_docs_nothing", "/docs/nothing", **NOBODY)
plain("public_docs_pages", "/docs/containers#pages", height=6000, **NOBODY)
plain("public_nothing", "/nothing", **NOBODY)
plain("public_demo_without_token", DEMO, place="few", **NOBODY)
plain("public_demo_wrong_token", f"{DEMO}#wrong", place="few", **NOBODY)
plain("public_demo_without_javascript", DEMO, place="few", options={"java_script_enabled": False}, **NOBODY)


@state("public_demo", f"{DEMO}#{{token}}", place="few", **NOBODY)
async def wait_for_people(scene: Scene) -> None:
    await scene.page.locator("#people li").nth(3).wait_for()


@state("public_demo_lost", f"{DEMO}#{{token}}", place="few", **NOBODY)
async def lose_the_connection(scene: Scene) -> None:
    await wait_for_people(scene)
    routed: list[WebSocketRoute] = []

    async def pass_on(route: WebSocketRoute) -> None:
        routed.append(route)
        if len(routed) == 1:
            route.connect_to_server()
        else:
            await route.close(code=1013)

    await scene.page.route_web_socket("**/ws/**", pass_on)
    await scene.page.reload()
    await scene.page.wait_for_timeout(500)
    await routed[0].close(code=1012)
    await scene.page.get_by_text("Connection lost").wait_for()


@state("public_demo_silent", f"{DEMO}#{{token}}", place="few", **NOBODY)
async def lose_the_answers(scene: Scene) -> None:
    await wait_for_people(scene)
    await scene.page.context.set_offline(True)
    await scene.page.get_by_text("may be out of date").wait_for(timeout=60_000)
