"""State: something that a page can show, and how to bring the page there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.async_api import Page

from tests.dashboard.live import Live
from tests.screenshots.stage import Place, Stage


@dataclass(frozen=True)
class Scene:
    """A page that was opened at a place, for one width."""

    page: Page
    place: Place
    stage: Stage

    @property
    def live(self) -> Live:
        """The page as Live."""
        return Live(self.page)


Frame = Literal["below", "window", "page", "grown"]
"""What is photographed, down to the height of the state.

`below`: the page from where it is scrolled to. `window`: what is in the window. `page`: the page from its beginning,
even if it is scrolled. `grown`: the same, in a window that was made as tall, so that what sticks to the end of the
window is below all else.
"""

Prepare = Callable[[Scene], Awaitable[None]]
"""Brings a page that was just opened into a state."""


@dataclass(frozen=True)
class State:
    """A state, the page it belongs to, and who sees it."""

    name: str
    path: str
    """A path with parameters such as `{longest}`; see `Place.ids`."""
    prepare: Prepare
    role: str = "operator"
    """Empty if nobody is signed in."""
    place: str = "crowd"
    """The server; see `Stage`."""
    is_alone: bool = False
    """It stops or slows the server, so nothing else may be photographed at the same time."""
    height: int = 1600
    """Pixels of the page that are photographed at most. On long lists, more rows of the same kind follow."""
    frame: Frame = "below"
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the browser's context, such as `java_script_enabled`."""
    widths: tuple[int, ...] = ()
    """Only these widths. By default, all of them."""
    zoom: int = 1
    """How much the browser enlarges the page. Fewer CSS pixels fit into the same width then."""


STATES: dict[str, State] = {}
"""All states by name, in the order in which they were defined."""


def state(name: str, path: str, **options: Any) -> Callable[[Prepare], Prepare]:
    """Define a state by the function that brings the page there."""

    def define(prepare: Prepare) -> Prepare:
        _add(State(name, path, prepare, **options))
        return prepare

    return define


def plain(name: str, path: str, **options: Any) -> None:
    """Define a state that the page is in as soon as it is loaded."""
    _add(State(name, path, _nothing, **options))


def matching(pattern: str) -> list[State]:
    """Return the states whose names match a regular expression from their beginning."""
    return [each for each in STATES.values() if re.match(pattern, each.name)]


def _add(new: State) -> None:
    assert new.name not in STATES, f"two states are called {new.name}"
    STATES[new.name] = new


async def _nothing(_scene: Scene) -> None:
    """The page needs no preparation."""
