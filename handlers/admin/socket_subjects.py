"""Socket subjects: what the page of an operators' socket is about, by the query of the socket's URL."""

from __future__ import annotations

from typing import cast, get_args

from tornado.web import RequestHandler

from handlers.admin.parameters import choice
from handlers.admin.users import user_id_of
from models.errors import NotFound
from models.events import EventKind
from models.stores import Stores
from realtime.dashboard.call_details import call_details
from realtime.dashboard.operator_sessions import About
from realtime.dashboard.rows import CallDetails
from realtime.dashboard.subjects import Subject
from realtime.presence.registry import Registry

PAGES = ("", "user", "call", "events")
"""What a page may be about. Without one of these, it shows everything."""

KINDS = ("", *get_args(EventKind))


class SocketSubjects:
    """Reads the query, and asks the store for calls that have ended."""

    def __init__(self, stores: Stores, registry: Registry) -> None:
        self._stores = stores
        self._registry = registry

    async def of(self, handler: RequestHandler) -> About:
        """A user, a call or some of the events. None for everything. Raises Invalid, NotFound."""
        page = choice(handler, "about", PAGES)
        user, call_id = handler.get_query_argument("user", ""), handler.get_query_argument("call", "")
        match page:
            case "user":
                return Subject(page, user_id_of(user)), None
            case "call":
                return Subject(page, call_id=call_id), await self._ended(call_id)
            case "events":
                kind = cast("EventKind | None", choice(handler, "kind", KINDS) or None)
                return Subject(page, user_id_of(user) if user else None, kind=kind), None
        return None

    async def _ended(self, call_id: str) -> CallDetails | None:
        """The call if it has ended. Raises NotFound."""
        call = await self._stores.calls.get(call_id) if call_id.isascii() and call_id.isprintable() else None
        if call is None:
            raise NotFound("There is no such call.")
        if call.status == "ongoing":
            return None
        return call_details(call, self._registry, await self._stores.events.of_call(call_id))
