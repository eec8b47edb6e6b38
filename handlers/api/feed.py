"""Feed: all users, the available ones first, and the figures. Answered from memory."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.base import HandlerContext
from handlers.paging import PagedHandler, PageQuery
from models.field_types import Tag
from models.tags import TAGS_LIMIT, checked_tag
from realtime.presence.registry import Registry
from realtime.sockets.stats import Stats

Tags = Annotated[list[Tag], msgspec.Meta(max_length=TAGS_LIMIT)]
"""The tags of which a user must have any. None: everyone."""


class FeedQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Query of GET /feed/users. `q` has words of a username in any order, or user ids. Users have any of the tags."""

    q: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")] = ""
    online_only: bool = False
    available_only: bool = False
    tag: Tags = msgspec.field(default_factory=list)


class StatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /feed/stats. With tags, only users who have any of them are counted."""

    tag: Tags = msgspec.field(default_factory=list)


class FeedHandler(PagedHandler):
    """What the handlers of the feed have in common."""

    accepts_keys = True

    def initialize(self, context: HandlerContext, registry: Registry, stats: Stats) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.registry = registry
        self.stats = stats


class FeedUsersHandler(FeedHandler):
    """GET /feed/users"""

    def get(self) -> None:
        """Answer with the available, then the busy, then the offline users, each group by the newest `last_seen`.

        With `q`, the users whom it finds best come first.
        """
        self.check_caller()
        query = self.read_query(FeedQuery)
        skip, limit = self.span(query)
        statuses, total = self.registry.page(
            query.q,
            online_only=query.online_only,
            available_only=query.available_only,
            skip=skip,
            limit=limit,
            tags=[checked_tag(each) for each in query.tag],
        )
        self.answer_page(statuses, total, query)


class FeedStatsHandler(FeedHandler):
    """GET /feed/stats"""

    def get(self) -> None:
        """Answer with the figures, of everyone or of users with certain tags."""
        self.check_caller()
        tags = [checked_tag(each) for each in self.read_query(StatsQuery).tag]
        self.answer(self.stats.counts_of(tags) if tags else self.stats.counts())
