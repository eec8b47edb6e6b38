"""The operators' socket, /ws/operators: what changes, to the pages that show it. Nobody acts over it."""

from __future__ import annotations

from contextlib import suppress

from tornado.ioloop import IOLoop

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.sockets.base import BaseSocketHandler
from handlers.sockets.stream_transport import StreamTransport
from models.errors import StoreUnavailable, TooMany
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.dashboard.operator_session import OperatorCommands, OperatorSession
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.protocol import CloseCode
from realtime.ratelimit import Buckets


class OperatorSocketHandler(BaseSocketHandler[OperatorSession], AdminHandler):
    """/ws/operators"""

    def initialize(
        self,
        admin: AdminContext,
        operator_sessions: OperatorSessions,
        commands: OperatorCommands,
        clock: Clock,
        counters: Counters,
        refusals: Buckets,
    ) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(admin)
        self.set_up_socket(commands, counters)
        self.operator_sessions = operator_sessions
        self.clock = clock
        self.refusals = refusals

    async def prepare(self) -> None:
        """Who is there. A browser can't read an HTTP 401 on an upgrade, so the refusal waits for the socket."""
        self.check_origins()
        self.signed_in = await self.identify_operator()
        if self.signed_in is None:
            self.counters.refused["operator"] += 1
            if not self.refusals.take(self.address, self.clock.now()):
                raise TooMany("Too many refused sign-ins", retry_after=1)

    @allows("viewer")
    async def get(self, *args: str, **kwargs: str) -> None:
        """The upgrade. Raises Invalid for a request that isn't one."""
        await super().get(*args, **kwargs)

    def turned_away(self) -> tuple[CloseCode, str] | None:
        """Who isn't signed in."""
        return (CloseCode.TOKEN_EXPIRED, "Sign in first") if self.signed_in is None else None

    def admit(self, transport: StreamTransport) -> OperatorSession:
        """Let the operator in, and see then that the sign-in did not end in between. Raises Full."""
        assert self.signed_in is not None, "who isn't signed in was turned away"
        operator_session = self.operator_sessions.admit(self.signed_in, transport, self.admin.assets.version)
        IOLoop.current().spawn_callback(self._look_again, self.signed_in.sign_in.sign_in_id)
        return operator_session

    async def _look_again(self, sign_in_id: str) -> None:
        """Whoever signs out from now on finds this socket; who did so during the upgrade did not."""
        with suppress(StoreUnavailable):  # then the next round looks, as it does at all of them
            if await self.identify_operator() is None:
                self.operator_sessions.close_sign_in(sign_in_id)
