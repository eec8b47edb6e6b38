"""Helpers for the tests of the overview: operators on sockets, who apply the messages they receive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.operator_auth import SignedInOperator
from models.operators import Operator, Role
from models.screens import Screen
from models.sign_ins import SignIn
from realtime.dashboard.operator_session import OperatorSession, Visitor
from realtime.dashboard.operator_sessions import About
from realtime.dashboard.rows import Issue, UserRow
from tests.realtime.transports import FakeTransport
from tests.realtime.world import World

STEP_SECONDS = 0.25


class LivePage:
    """A live page, which applies overviews and updates to one local copy."""

    def __init__(self, operator_session: OperatorSession, transport: FakeTransport) -> None:
        self.operator_session = operator_session
        self.transport = transport
        self.answers = True
        """Whether its protocol layer answers pings."""
        self.picture: dict[str, Any] = {}
        self.overviews = 0
        self._folded = 0
        self._pongs = 0

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the messages received, of one type or all."""
        return [each for each in self.transport.messages() if kind in (None, each["type"])]

    def updates(self) -> list[dict[str, Any]]:
        """Return the updates received."""
        return self.messages("overview_update")

    def errors(self) -> list[str]:
        """Return the codes of the errors received."""
        return [each["code"] for each in self.messages("error")]

    def answer(self, world: World) -> None:
        """Answer pings."""
        self.transport.messages()
        if self.answers and self.operator_session.is_open and self._pongs < self.transport.pings:
            self._pongs = self.transport.pings
            world.core.operator_commands.pong(self.operator_session)

    def load(self, overview: dict[str, Any]) -> None:
        """Take an overview that came over HTTP."""
        self._whole(overview)

    def fold(self) -> dict[str, Any]:
        """Apply all messages received. Returns the state: users and calls by id, the rest as lists."""
        messages = self.transport.messages()
        for message in messages[self._folded :]:
            if message["type"] == "overview":
                self._whole(message)
            elif message["type"] == "overview_update":
                self._update(message)
        self._folded = len(messages)
        return self.picture

    def _whole(self, message: dict[str, Any]) -> None:
        self.overviews += 1
        self.picture = {
            "seq": message["seq"],
            "figures": message["figures"],
            "users": {each["user_id"]: each for each in message["users"]},
            "calls": {each["call_id"]: each for each in message["calls"]},
            "history": message["history"],
            "events": message["events"],
            "contradictions": message["contradictions"],
        }

    def _update(self, message: dict[str, Any]) -> None:
        picture = self.picture
        assert message["seq"] == picture["seq"] + 1, "no update is missing, none comes twice"
        picture["seq"] = message["seq"]
        picture |= {name: message[name] for name in ("figures", "contradictions") if name in message}
        picture["users"] |= {each["user_id"]: each for each in message.get("users", [])}
        for user_id in message.get("removed", []):
            del picture["users"][user_id]
        for user_id, at in message.get("heard", []):
            picture["users"][user_id]["heard"] = at
        picture["calls"] |= {each["call_id"]: each for each in message.get("calls", [])}
        for call_id in message.get("ended", []):
            del picture["calls"][call_id]
        picture["history"] = picture["history"] + message.get("samples", [])
        picture["events"] = message.get("all_events") or message.get("events", [])[::-1] + picture["events"]


def signed_in_operator(
    at: datetime, name: str = "maya", operator_id: int = 1, sign_in_id: str = "one", role: Role = "operator"
) -> SignedInOperator:
    """Return an operator who signed in at a certain time."""
    operator = Operator(operator_id, name, role, False, at)
    return SignedInOperator(operator, SignIn(sign_in_id, operator_id, at, at, "192.0.2.9", "tests"))


def watch(
    world: World, *, kernel_bytes: int = 1 << 20, after: str = "", about: About = None, **signed_in: Any
) -> LivePage:
    """Open a page as an operator, perhaps one that has loaded the overview over HTTP, or is about a part of it."""
    visitor = signed_in_operator(world.time.wall(), **signed_in)
    return watch_as(world, visitor, kernel_bytes=kernel_bytes, after=after, about=about)


def watch_as(
    world: World, visitor: Visitor, *, kernel_bytes: int = 1 << 20, after: str = "", about: About = None
) -> LivePage:
    """Open a page as an operator or a screen."""
    transport = FakeTransport(world.soon, kernel_bytes=kernel_bytes)
    operator_session = world.core.operator_sessions.admit(visitor, transport, "v1", after, about)
    world.settle()
    return LivePage(operator_session, transport)


def wall_screen(at: datetime, name: str = "Lobby", screen_id: str = "0123456789abcdef") -> Screen:
    """Return a screen that was opened at a certain time."""
    return Screen(screen_id, name, "maya", at, at, opened_at=at, seen_at=at)


def tell(world: World) -> None:
    """Send operators what is due, and let everything settle."""
    world.core.operator_sessions.tick()
    world.settle()


def pass_time(world: World, seconds: float, *screens: LivePage) -> None:
    """Let time pass, with the server's periodic work for operators."""
    for step in range(round(seconds / STEP_SECONDS)):
        world.advance(STEP_SECONDS)
        if step % 4 == 3:
            world.core.overview_feed.refresh()
        if step % 8 == 7:
            world.run(world.core.check_store())
        tell(world)
        for screen in screens:
            screen.answer(world)


def row(world: World, user_id: int) -> UserRow:
    """Return what a page shows about a user now."""
    return world.core.overview.row(user_id)


def found(world: World) -> list[Issue]:
    """Return the current issues."""
    world.core.overview_feed.refresh()
    return world.core.overview.issues()


def inspected(world: World, looks: int = 2) -> list[Issue]:
    """Return the issues after checking the store `looks` times."""
    for _ in range(looks):
        world.run(world.core.check_store())
    return world.core.overview.issues()
