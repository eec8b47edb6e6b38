"""Calls: starts and ends calls for users, and reads anyone's ongoing call and history."""

from __future__ import annotations

from functools import partial

import msgspec

from handlers.api.calls import CALL_PAGES, CallEnd, CallsQuery, HistoryQuery, idempotency_key, is_wanted, read_history
from handlers.paging import Paged
from handlers.server_api.base import ServerHandler, demand_enabled, needs
from handlers.user_ids import UserName
from models.calls import Call, CallType


class ServerCallStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /server/calls/start."""

    caller_id: UserName
    callee_id: UserName
    call_type: CallType


class ServerCallsHandler(Paged, ServerHandler):
    """What the handlers of calls have in common."""

    page_maximum = CALL_PAGES


class ServerCallStartHandler(ServerCallsHandler):
    """POST /server/calls/start"""

    @needs("write", "start_call")
    async def post(self) -> None:
        """Start a call between two users. Both are busy and notified before the answer."""
        key = self.check_key()
        body = self.read_body(ServerCallStart)
        wanted = idempotency_key(self.request)
        caller, callee = await self.user(body.caller_id), await self.user(body.callee_id)
        once = None if wanted is None else f"{key.key_id} {wanted}"  # a user's key has no space

        async def start() -> Call:
            caller_id, callee_id = demand_enabled(caller), callee.profile.user_id
            return await self.core.switchboard.start(caller_id, callee_id, body.call_type, once)

        self.answer(await self.change_user(caller, start, lambda call: f"call {call.call_id}"))


class ServerCallEndHandler(ServerCallsHandler):
    """POST /server/calls/end"""

    @needs("write", "end_call")
    async def post(self) -> None:
        """End a call. Ending it again gives the same answer."""
        self.check_key()
        body = self.read_body(CallEnd)
        call = self.core.switchboard.ongoing.find(body.call_id)
        names = "" if call is None else " and ".join(map(self.registry.name, call.participants))
        work = partial(self.core.switchboard.end_for_app, body.call_id, body.reason)
        self.answer(await self.change(f"call:{body.call_id}", names, work, lambda ended: ended.status))


class ServerOngoingHandler(ServerCallsHandler):
    """GET /server/users/{id}/calls/ongoing"""

    @needs("read")
    async def get(self, user: str) -> None:
        """Answer with a list that contains the user's ongoing call, or nothing."""
        self.check_key()
        query = self.read_query(CallsQuery)
        call = self.core.switchboard.ongoing.of_user((await self.user(user)).profile.user_id)
        found: list[Call] = [call] if call is not None and is_wanted(call, query) else []
        skip, limit = self.span(query)
        self.answer_page(found[skip : skip + limit], len(found), query)


class ServerCallHistoryHandler(ServerCallsHandler):
    """GET /server/users/{id}/calls/history"""

    @needs("read")
    async def get(self, user: str) -> None:
        """Answer with the user's calls, newest first."""
        self.check_key()
        query = self.read_query(HistoryQuery)
        span = self.span(query)
        user_id = (await self.user(user)).profile.user_id
        self.answer(await read_history(self.server.stores.calls, user_id, query, span))
