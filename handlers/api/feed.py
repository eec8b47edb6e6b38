"""Feed: everyone, in the order that matters, and the figures. Answered from memory."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.base import ApiHandler, HandlerContext, PageQuery
from realtime.presence.registry import Registry
from realtime.sockets.stats import Stats


class FeedQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Query of GET /feed/users. `q` is literal: part of a name, or an id."""

    q: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")] = ""
    online_only: bool = False
    available_only: bool = False


class FeedHandler(ApiHandler):
    """What the handlers of the feed share."""

    def initialize(self, context: HandlerContext, registry: Registry, stats: Stats) -> None:
        """Collaborators come from the route."""
        self.set_up(context)
        self.registry = registry
        self.stats = stats


class FeedUsersHandler(FeedHandler):
    """GET /feed/users"""

    def get(self) -> None:
        """Available, then busy, then offline; each with the newest `last_seen` first."""
        self.identify()
        query = self.query(FeedQuery)
        skip, limit = self.span(query)
        statuses, total = self.registry.page(
            query.q, online_only=query.online_only, available_only=query.available_only, skip=skip, limit=limit
        )
        self.answer_page(statuses, total, query)


class FeedStatsHandler(FeedHandler):
    """GET /feed/stats"""

    def get(self) -> None:
        """The figures."""
        self.identify()
        self.answer(self.stats.counts())
