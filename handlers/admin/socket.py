"""The operators' socket, /ws/operators: what changes, to the pages that show it. Nobody acts over it."""

from __future__ import annotations

from contextlib import suppress

from tornado.ioloop import IOLoop

from handlers.admin.base import AdminHandler, Office, allows
from handlers.conversation import ConversationHandler
from handlers.streams import StreamTransport
from models.errors import StoreUnavailable
from models.refusals import TooMany
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.operatorcommands import OperatorCommands
from realtime.protocol import CloseCode
from realtime.ratelimit import Buckets
from realtime.watcher import Watcher
from realtime.watchers import Watchers


class OperatorSocketHandler(ConversationHandler[Watcher], AdminHandler):
    """/ws/operators"""

    def initialize(
        self,
        office: Office,
        watchers: Watchers,
        commands: OperatorCommands,
        clock: Clock,
        counters: Counters,
        refusals: Buckets,
    ) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(office)
        self.set_up_conversation(commands, counters)
        self.watchers = watchers
        self.clock = clock
        self.refusals = refusals

    async def prepare(self) -> None:
        """Who is there. A browser can't read an HTTP 401 on an upgrade, so the refusal waits for the socket."""
        self.check_origins()
        self.duty = await self.identify_operator()
        if self.duty is None:
            self.counters.refused["operator"] += 1
            if not self.refusals.take(self.address, self.clock.now()):
                raise TooMany("Too many refused sign-ins", retry_after=1)

    @allows("viewer")
    async def get(self, *args: str, **kwargs: str) -> None:
        """The upgrade. Raises Invalid for a request that isn't one."""
        await super().get(*args, **kwargs)

    def turned_away(self) -> tuple[CloseCode, str] | None:
        """Who isn't signed in."""
        return (CloseCode.TOKEN_EXPIRED, "Sign in first") if self.duty is None else None

    def admit(self, transport: StreamTransport) -> Watcher:
        """Let the operator in, and see then that the sign-in did not end in between. Raises Full."""
        assert self.duty is not None, "who isn't signed in was turned away"
        watcher = self.watchers.admit(self.duty, transport, self.office.assets.version)
        IOLoop.current().spawn_callback(self._look_again, self.duty.sign_in.sign_in_id)
        return watcher

    async def _look_again(self, sign_in_id: str) -> None:
        """Whoever signs out from now on finds this socket; who did so during the upgrade did not."""
        with suppress(StoreUnavailable):  # then the next round looks, as it does at all of them
            if await self.identify_operator() is None:
                self.watchers.close_sign_in(sign_in_id)
