"""Client: follows the contract. It applies messages to a local copy and remembers how far it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from realtime.sockets.session import Session
from tests.realtime.transports import FakeTransport

Picture = dict[int, dict[str, Any]]

Scope = tuple[frozenset[int] | None, frozenset[str] | None]
"""The user ids and the tags that a subscription is narrowed to. None: any."""

EVERYONE: Scope = (None, None)


class Client:
    """A client program, over as many connections as it needs.

    `picture` holds what it knows: each user in it must match the server once everything has settled.
    """

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        """0 if it is a backend, which has no status of its own."""
        self.picture: Picture = {}
        self.epoch: str | None = None
        self.seq = 0
        """The seq up to which it has everything it watches."""
        self.is_complete = False
        """Whether it must know every user."""
        self.stats: dict[str, Any] | None = None
        self.scope: dict[str, Scope] = {}
        """The subscriptions to updates that the server confirmed."""
        self.known: set[Scope] = set()
        """Those of them that are narrowed by tags and of which it must know every user."""
        self.asked: list[tuple[str, Scope]] = []
        """Subscriptions that were requested and are not confirmed yet."""
        self.requested: list[Scope] = []
        """The snapshots still to come."""
        self.pongs = 0
        """The number of pings answered on the current connection."""
        self.session: Session
        self.transport: FakeTransport
        self.awaits_resume = False
        """Whether the missed updates are still coming, on a connection that was resumed."""
        self._told = 0
        self._last_seq = 0
        self._pages: list[dict[str, Any]] = []

    def connected(self, session: Session, transport: FakeTransport) -> None:
        """Begin a new connection."""
        self.session, self.transport = session, transport
        self.scope = {session.channel: EVERYONE}
        self.known = set()
        self.asked = []
        self.requested = [] if self.epoch is None else [EVERYONE]
        self.pongs = 0
        self._told = self._last_seq = self._read = 0
        self._pages = []

    @property
    def is_open(self) -> bool:
        """Whether its session is open."""
        return self.session.is_open

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the messages on the current connection, of one type or all."""
        return [each for each in self.transport.messages() if kind in (None, each["type"])]

    def updates(self) -> list[dict[str, Any]]:
        """Return the updates received, without the client's own status at the start."""
        return [each for each in self.messages()[2:] if each["type"] == "user_status_update"]

    def news(self) -> list[dict[str, Any]]:
        """Return the updates received since the last call."""
        updates = self.updates()
        news = updates[self._read :]
        self._read = len(updates)
        return news

    def errors(self) -> list[str]:
        """Return the codes of the errors received."""
        return [each["code"] for each in self.messages("error")]

    def watches(self, user_id: int, tags: Iterable[str] = ()) -> bool:
        """Return whether it is subscribed to the updates of a user with these tags."""
        return any(includes(scope, user_id, tags) for scope in self.scope.values())

    def may_watch(self, user_id: int) -> bool:
        """Return the same, whatever tags the user has."""
        return any(includes((ids, None), user_id) for ids, _ in self.scope.values())

    def fold(self) -> None:
        """Apply all messages received since the last time."""
        messages = self.transport.messages()
        for place in range(self._told, len(messages)):
            self._fold(place, messages[place])
        self._told = len(messages)

    def _fold(self, place: int, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_established":
                assert place == 0, "connection_established comes first"
                self._established(message)
            case "user_status_update" if place == 1 and self.user_id:
                assert message["user_id"] == self.user_id, "the own status comes second"
                self.picture[self.user_id] = known(message["status"])
            case "user_status_update":
                self._update(message)
            case "user_removed":
                self._removed(message)
            case "snapshot":
                self._page(message)
            case "resume_complete":
                self._resumed(message)
            case "feed_stats":
                self.stats = message["stats"]
            case "subscription_confirmed" | "unsubscription_confirmed":
                self._confirmed(message)

    def _established(self, message: dict[str, Any]) -> None:
        self.awaits_resume = message["resumed"]
        self._resumes_from = message["seq"]
        if message["resumed"]:
            self.requested.pop(0)
        else:
            self.picture.clear()
            self.is_complete = False
            self.seq = message["seq"]
        self.epoch = message["epoch"]
        self._last_seq = self.seq

    def _resumed(self, message: dict[str, Any]) -> None:
        assert self.awaits_resume, "once, and only after a resume"
        assert message["seq"] >= self._resumes_from, "everything up to the greeting has been sent"
        assert message["seq"] >= self._last_seq, "not older than the updates before it"
        self.awaits_resume = False
        self._last_seq = self.seq = message["seq"]

    def _update(self, message: dict[str, Any]) -> None:
        assert message["seq"] > self._last_seq, "seq rises strictly"
        assert not self._pages, "no update between the pages of a snapshot"
        assert self.may_watch(message["user_id"]), "only who is watched"
        self._last_seq = self.seq = message["seq"]
        self.picture[message["user_id"]] = known(message["status"])

    def _removed(self, message: dict[str, Any]) -> None:
        assert message["seq"] > self._last_seq, "seq rises strictly"
        assert not self._pages, "no update between the pages of a snapshot"
        assert self.may_watch(message["user_id"]), "only who was watched"
        self._last_seq = self.seq = message["seq"]
        self.picture.pop(message["user_id"], None)

    def _page(self, message: dict[str, Any]) -> None:
        assert message["seq"] >= self._last_seq, "a snapshot is not older than the updates before it"
        self._pages.append(message)
        if message["more"]:
            return
        assert {page["seq"] for page in self._pages} == {message["seq"]}, "one snapshot, one seq"
        users = [status for page in self._pages for status in page["users"]]
        self._pages = []
        self._last_seq = self.seq = message["seq"]
        scope = self.requested.pop(0)
        self.is_complete |= scope == EVERYONE and EVERYONE in self.scope.values()
        if scope[1] is None:
            self.picture |= {status["user_id"]: known(status) for status in users if self.watches(status["user_id"])}
        elif scope in self.scope.values():  # otherwise other tags are watched by now
            self.picture |= {status["user_id"]: known(status) for status in users}
            self.known.add(scope)

    def _confirmed(self, message: dict[str, Any]) -> None:
        name = message["subscription"]
        if message["type"] == "unsubscription_confirmed":
            self.scope.pop(name, None)
        else:
            asked = next(each for each in self.asked if each[0] == name)
            self.asked.remove(asked)
            if name in ("feed", "presence"):
                self.scope[name] = asked[1]
        self.is_complete &= EVERYONE in self.scope.values()
        self.known.clear()
        self.picture = {user_id: status for user_id, status in self.picture.items() if self.watches(user_id)}

    def command(self, kind: str, **fields: Any) -> str:
        """Return a command as text. A subscription is remembered until it is confirmed."""
        if kind == "subscribe":
            ids, tags = fields.get("user_ids"), fields.get("tags")
            wanted = None if ids is None else frozenset(ids), None if tags is None else frozenset(tags)
            self.asked.append((fields["subscription"], wanted))
            if fields.get("snapshot") and fields["subscription"] in ("feed", "presence"):
                self.requested.append(wanted)
        return json.dumps({"type": kind, **fields})


def includes(scope: Scope, user_id: int, tags: Iterable[str] = ()) -> bool:
    """Return whether a subscription is narrowed to a user with these tags, among others."""
    ids, wanted = scope
    return (ids is None or user_id in ids) and (wanted is None or not wanted.isdisjoint(tags))


def known(status: dict[str, Any]) -> dict[str, Any]:
    """Return the announced part of a status: `last_seen` alone is not announced."""
    return {name: value for name, value in status.items() if name != "last_seen"}
