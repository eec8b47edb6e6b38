"""Subscriptions: which users' updates, calls and figures a session is sent."""

from __future__ import annotations

from models.errors import Invalid
from models.tags import TAGS_LIMIT, checked_tag
from realtime.calls.ongoing import OngoingCalls
from realtime.presence.record import Record
from realtime.presence.user_entry import UserEntry
from realtime.protocol import (
    CallStatusUpdate,
    Subscribe,
    Subscription,
    SubscriptionConfirmed,
    Unsubscribe,
    UnsubscriptionConfirmed,
)
from realtime.sockets.fanout import FanOut
from realtime.sockets.interest import Filter, interest_in
from realtime.sockets.named_users import NamedUsers
from realtime.sockets.session import Session
from realtime.sockets.stats import Stats
from settings import Settings

_UPDATES: tuple[Subscription, ...] = ("feed", "presence")
"""The subscriptions to users' updates. They can be narrowed."""


class Subscriptions:
    """Carries out `subscribe` and `unsubscribe`."""

    def __init__(
        self, settings: Settings, fan_out: FanOut, named: NamedUsers, calls: OngoingCalls, stats: Stats
    ) -> None:
        self._watched_users_limit = settings.watched_users_limit
        self._fan_out = fan_out
        self._named = named
        self._calls = calls
        self._stats = stats

    def check(self, command: Subscribe) -> None:
        """Check what the types cannot express. Raises ValueError."""
        if command.snapshot and command.updates_only:
            raise ValueError("snapshot and updates_only exclude each other")
        for name, given in (("user_ids", command.user_ids), ("tags", command.tags)):
            if given is not None and command.subscription not in _UPDATES:
                raise ValueError(f"{name} goes with feed and presence")
        if len(command.user_ids or ()) > self._watched_users_limit:
            raise ValueError(f"user_ids has at most {self._watched_users_limit} ids")
        if len(command.tags or ()) > TAGS_LIMIT:
            raise ValueError(f"tags has at most {TAGS_LIMIT} tags")
        try:
            for tag in command.tags or ():
                checked_tag(tag)
        except Invalid as error:
            raise ValueError(error.message) from None

    def subscribe(self, session: Session, command: Subscribe) -> None:
        """Send a session what it asks for, in place of what it asked for before. The command was checked."""
        if command.subscription in ("feed", "stats") and session.subscriptions.keys().isdisjoint(("feed", "stats")):
            self._stats.send_later(session)
        session.subscriptions[command.subscription] = self._filter(session, command)
        session.push(SubscriptionConfirmed(subscription=command.subscription))
        if not session.is_open:  # the reply showed that the peer is gone
            return
        self._watch(session)
        if command.wants_snapshot:
            self._request_snapshot(session, command)
        self._fan_out.catch_up(session)

    def unsubscribe(self, session: Session, command: Unsubscribe) -> None:
        """Send a session this no more."""
        session.subscriptions.pop(command.subscription, None)
        self._named.forget(session, command.subscription)
        self._watch(session)
        session.push(UnsubscriptionConfirmed(subscription=command.subscription))
        self._fan_out.catch_up(session)

    def record_changed(self, entry: UserEntry, _before: Record) -> None:
        """Let those who watch a user by the external id watch the user, who may be new."""
        user_id = entry.profile.user_id
        for session, subscription in self._named.watching(entry):
            narrowed = session.subscriptions[subscription]
            if narrowed.user_ids is not None and user_id not in narrowed.user_ids:
                session.subscriptions[subscription] = Filter(narrowed.user_ids | {user_id}, narrowed.tags)
                self._watch(session)
                self._fan_out.catch_up(session)

    def _filter(self, session: Session, command: Subscribe) -> Filter:
        """What a subscription is narrowed to."""
        tags = None if command.tags is None else frozenset(map(checked_tag, command.tags))
        if command.user_ids is None:
            self._named.forget(session, command.subscription)
            return Filter(None, tags)
        return Filter(self._named.watch(session, command.subscription, command.user_ids), tags)

    def _request_snapshot(self, session: Session, command: Subscribe) -> None:
        if command.subscription == "calls":
            call = None if session.user_id is None else self._calls.of_user(session.user_id)
            if call is not None:
                session.push(CallStatusUpdate(call=call))
        elif command.subscription == "stats":
            session.push(self._stats.message())
        else:
            session.outbox.request_snapshot(command.subscription, session.subscriptions[command.subscription])

    def _watch(self, session: Session) -> None:
        """Feed and presence carry the same updates. A session subscribed to both gets each update once."""
        filters = [session.subscriptions[each] for each in _UPDATES if each in session.subscriptions]
        self._fan_out.watch(session, interest_in(filters))
