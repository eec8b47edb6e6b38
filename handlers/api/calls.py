"""Calls: start, end, the ongoing call, and the history."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from tornado.httputil import HTTPServerRequest

from handlers.base import HandlerContext
from handlers.paging import Page, PagedHandler, PageQuery
from handlers.user_ids import OtherUser, callee_id_of
from models.calls import Call, Calls, CallState, CallType, EndReason
from models.errors import Invalid, NotFound
from realtime.calls.switchboard import Switchboard
from realtime.presence.registry import Registry

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


CallId = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}$(?!\n)")]


class CallStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /calls/start."""

    callee_id: OtherUser
    call_type: CallType


class CallEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /calls/end."""

    call_id: CallId
    reason: EndReason = "completed"


CALL_PAGES = 100
"""Pages of calls that may be asked for by number; `before` goes further at the same cost for every page."""


class CallsQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Query of the lists of calls."""

    page: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": CALL_PAGES})] = 1
    call_type: CallType | msgspec.UnsetType = msgspec.UNSET
    status: CallState | msgspec.UnsetType = msgspec.UNSET


class HistoryQuery(CallsQuery, frozen=True, forbid_unknown_fields=True):
    """Query of the call history. `before` is the id of a call in it: only calls older than that are returned."""

    before: CallId | msgspec.UnsetType = msgspec.UNSET


class CallsHandler(PagedHandler):
    """What the handlers of calls have in common."""

    page_maximum = CALL_PAGES

    def initialize(self, context: HandlerContext, switchboard: Switchboard, calls: Calls, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.registry = registry
        self.switchboard = switchboard
        self.calls = calls


class StartHandler(CallsHandler):
    """POST /calls/start"""

    async def post(self) -> None:
        """Start a call. Both participants are busy and notified before the answer."""
        user_id = self.identify().user_id
        body = self.read_body(CallStart)
        key = idempotency_key(self.request)
        callee_id = callee_id_of(body.callee_id, self.registry)
        self.answer(await self.switchboard.start(user_id, callee_id, body.call_type, key))


class EndHandler(CallsHandler):
    """POST /calls/end"""

    async def post(self) -> None:
        """End a call. Ending it again gives the same answer."""
        user_id = self.identify().user_id
        body = self.read_body(CallEnd)
        self.answer(await self.switchboard.end(user_id, body.call_id, body.reason))


class OngoingHandler(CallsHandler):
    """GET /calls/ongoing"""

    def get(self) -> None:
        """Answer with a list that contains the caller's ongoing call, or nothing."""
        call = self.switchboard.ongoing.of_user(self.identify().user_id)
        query = self.read_query(CallsQuery)
        skip, limit = self.span(query)
        found = [call] if call is not None and is_wanted(call, query) else []
        self.answer_page(found[skip : skip + limit], len(found), query)


class CallHistoryHandler(CallsHandler):
    """GET /calls/history"""

    async def get(self) -> None:
        """Answer with the caller's calls, newest first."""
        user_id = self.identify().user_id
        query = self.read_query(HistoryQuery)
        span = self.span(query)
        async with self.context.limits.history_turns.turn(user_id):
            self.check_caller()
            self.answer(await read_history(self.calls, user_id, query, span))


def idempotency_key(request: HTTPServerRequest) -> str | None:
    """The key under which a call starts only once, if the request has one. Raises Invalid."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("An Idempotency-Key must have 1 to 255 visible ASCII characters.")
    return key


def is_wanted(ongoing: Call, query: CallsQuery) -> bool:
    """Whether a query asks for an ongoing call."""
    return query.call_type in (msgspec.UNSET, ongoing.call_type) and query.status in (msgspec.UNSET, "ongoing")


async def read_history(calls: Calls, user_id: int, query: HistoryQuery, span: tuple[int, int]) -> Page[Call]:
    """A page of a user's calls, newest first. `span` is (calls to skip, calls wanted).

    Raises Invalid, NotFound, StoreUnavailable.
    """
    skip, per_page = span
    if query.before is not msgspec.UNSET and query.page != 1:
        raise Invalid("Give either page or before.")
    found, total = await calls.history(
        user_id,
        call_type=query.call_type or None,
        status=query.status or None,
        before=await _before(calls, user_id, query),
        skip=skip,
        limit=per_page + 1,
    )
    has_next = len(found) > per_page and query.page < CALL_PAGES
    return Page(found[:per_page], query.page, per_page, total, has_next)


async def _before(calls: Calls, user_id: int, query: HistoryQuery) -> Call | None:
    """The call that `before` names. Raises NotFound unless it is in the user's history."""
    if query.before is msgspec.UNSET:
        return None
    call = await calls.get(query.before)
    if call is None or user_id not in call.participants:
        raise NotFound("The history has no such call.")
    return call
