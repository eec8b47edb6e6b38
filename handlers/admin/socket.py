"""The operators' socket, /ws/operators: sends changes to the live pages. Actions go over HTTP."""

from __future__ import annotations

from contextlib import suppress

from tornado.ioloop import IOLoop

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.socket_subjects import SocketSubjects
from handlers.sockets.base import BaseSocketHandler
from handlers.sockets.stream_transport import StreamTransport
from models.addresses import address_key
from models.errors import StoreUnavailable
from models.screen_auth import ScreenAuth
from realtime.counters import Counters
from realtime.dashboard.operator_session import OperatorCommands, OperatorSession, Visitor
from realtime.dashboard.operator_sessions import About, OperatorSessions
from realtime.protocol import CloseCode


class OperatorSocketHandler(BaseSocketHandler[OperatorSession], AdminHandler):
    """/ws/operators"""

    def initialize(
        self,
        admin: AdminContext,
        operator_sessions: OperatorSessions,
        commands: OperatorCommands,
        counters: Counters,
        subjects: SocketSubjects | None = None,
    ) -> None:
        """The route passes the collaborators. Without `subjects`, pages can only follow everything."""
        self.set_up_admin(admin)
        self.set_up_socket(commands, counters)
        self.visitor: Visitor | None = None
        self.operator_sessions = operator_sessions
        self.subjects = subjects
        self.about: About = None

    async def prepare(self) -> None:
        """Authenticate. A browser cannot read an HTTP 401 on an upgrade, so `open` reports a failure on the socket.

        Raises Overloaded while the server takes no sockets, and Invalid or NotFound if there is nothing to follow.
        """
        self.check_origins()
        self.check_takes_sockets(is_cut_off=self.operator_sessions.is_closed)
        self.visitor = await self.identify_visitor()
        if self.visitor is None:
            self.counters.refused["operator"] += 1
            self.context.limits.refusals.take(address_key(self.address))
        elif self.subjects is not None:
            self.about = await self.subjects.of(self)

    @allows("viewer")
    def get(self) -> None:
        """Upgrade the connection. Raises Invalid if the request is not an upgrade."""
        self.upgrade()

    def rejection(self) -> tuple[CloseCode, str] | None:
        """The close code and message if no operator is signed in."""
        return (CloseCode.TOKEN_EXPIRED, "Sign in first") if self.visitor is None else None

    async def identify_visitor(self) -> Visitor | None:
        """Whose cookie it is, or None. Raises StoreUnavailable."""
        self.signed_in = await self.identify_operator()
        return self.signed_in

    def admit(self, transport: StreamTransport) -> OperatorSession:
        """Open a session, then check that the sign-in did not end during the upgrade. Raises LimitReached."""
        assert self.visitor is not None, "a socket without a sign-in was rejected"
        operator_session = self.operator_sessions.admit(
            self.visitor, transport, self.admin.assets.version, self.get_query_argument("after", ""), self.about
        )
        IOLoop.current().spawn_callback(self._check_again, self.visitor.visitor_id)
        return operator_session

    async def _check_again(self, visitor_id: str) -> None:
        """Close the session if the sign-in ended during the upgrade. A later sign-out closes it by itself."""
        with suppress(StoreUnavailable):  # the next periodic check of all sign-ins will find it
            if await self.identify_visitor() is None:
                self.operator_sessions.close_sign_in(visitor_id)


class ScreenSocketHandler(OperatorSocketHandler):
    """/ws/screens: the same for a screen on a wall. Only the cookie of a screen opens it."""

    def initialize(  # type: ignore[override]  # it needs one part more
        self,
        admin: AdminContext,
        operator_sessions: OperatorSessions,
        commands: OperatorCommands,
        counters: Counters,
        screen_auth: ScreenAuth,
    ) -> None:
        """The route passes the collaborators."""
        super().initialize(admin, operator_sessions, commands, counters)
        self.screen_auth = screen_auth

    async def identify_visitor(self) -> Visitor | None:
        """The screen whose cookie it is, or None. Raises StoreUnavailable."""
        cookie = self.get_cookie(self.screen_cookie_name)
        return await self.screen_auth.identify(cookie) if cookie else None

    @allows("screen")
    def get(self) -> None:
        """Upgrade the connection. Raises Invalid if the request is not an upgrade."""
        self.upgrade()
