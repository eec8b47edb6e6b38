"""Screenshots: photographs every page and state of the dashboard at five widths, light and dark.

    python -m tests.screenshots /tmp/rollcall-screenshots --only 'live_.*'

All of them take some ten minutes. They are for people to look at; nothing is compared.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import deque
from pathlib import Path

import click
from playwright.async_api import Browser
from rich.progress import Progress

from operation.output import console, say, set_up_output
from tests.chromium import chromium
from tests.screenshots.camera import SIZES, Shot, shots_of
from tests.screenshots.stage import Stage, opened_stage
from tests.screenshots.state import State, matching
from tests.screenshots.states import AREAS

AT_ONCE = 2


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", default="", help="A regular expression: states whose names begin like this.")
@click.option("--width", "widths", multiple=True, type=int, help="Only this width. Can be given several times.")
@click.option("--list", "is_list", is_flag=True, help="List the states instead.")
def main(folder: Path, only: str, widths: tuple[int, ...], is_list: bool) -> None:
    """Take the screenshots and write them to FOLDER."""
    set_up_output()
    chosen = matching(only)
    if not chosen:
        sys.exit(f"no state's name begins like {only}; --list lists those of {', '.join(AREAS)}")
    known = [width for width, _ in SIZES]
    if set(widths) - set(known):
        sys.exit(f"--width must be one of {', '.join(map(str, known))}")
    if is_list:
        say("\n".join(each.name for each in chosen))
        return
    folder.mkdir(parents=True, exist_ok=True)
    failed = asyncio.run(_take(chosen, widths, folder))
    say(f"{len(chosen)} states in {folder}")
    if failed:
        sys.exit("not taken:\n" + "\n".join(failed))


async def _take(states: list[State], widths: tuple[int, ...], folder: Path) -> list[str]:
    together = deque(shots_of([each for each in states if not each.is_alone], widths))
    alone = deque(shots_of([each for each in states if each.is_alone], widths))
    failed: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-screenshots-") as data,
        Progress(console=console(err=True)) as progress,
    ):
        task = progress.add_task("taking screenshots", total=len(together) + len(alone))
        async with opened_stage(Path(data)) as stage, chromium() as browser:

            async def work(shots: deque[Shot]) -> None:
                while shots:
                    failed.extend(await _attempt(shots.popleft(), browser, stage, folder))
                    progress.advance(task)

            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work(together))
            await work(alone)
    return failed


async def _attempt(shot: Shot, browser: Browser, stage: Stage, folder: Path) -> list[str]:
    """Take a shot. Returns why that failed, if it did: the others should still be taken."""
    try:
        await shot.take(browser, stage, folder)
    except Exception as error:
        return [f"{shot.state.name} at {shot.width}: {str(error) or type(error).__name__}"]
    return []


if __name__ == "__main__":
    main()
