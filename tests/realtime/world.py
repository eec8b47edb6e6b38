"""World: a core with an in-memory environment, and time that moves only on request."""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
import itertools
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

import msgspec

from models.acknowledgements import Acknowledgements
from models.audit import Audit
from models.calls import Call, Calls
from models.deletions import Deletions
from models.external_ids import ExternalIds
from models.logins import Logins
from models.service_keys import ServiceKeys
from models.shared_log import SharedLog
from models.status import Profile, Status, StatusChange
from models.tokens import Identity, Tokens
from models.user_passwords import UserPasswords
from models.users import Users
from realtime import core
from realtime.clock import Clock, Environment, OnlyThisProcess
from realtime.presence.log import Proposal
from realtime.presence.record import with_call
from realtime.protocol import Channel
from realtime.sockets.session import Caller, ConnectRequest
from realtime.stores import CoreStores
from settings import Settings
from tests.realtime.client import Client, Picture, known
from tests.realtime.stores import (
    FakeAcknowledgements,
    FakeAudit,
    FakeCalls,
    FakeDeletions,
    FakeExternalIds,
    FakeLogins,
    FakeServiceKeys,
    FakeUserPasswords,
    FakeUsers,
    Faults,
)
from tests.realtime.transports import FakeTransport

T = TypeVar("T")

TICK_SECONDS = 1 / 16
"""The server's tick is a little shorter; a power of two keeps sums exact."""

SECRET = "the core's tests sign with this key"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """Monotonic seconds and wall time, each of which moves only on request."""

    def __init__(self) -> None:
        self.seconds = 1024.0
        self.jumped = timedelta()
        """How far the wall clock was moved forward."""

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.seconds

    def wall(self) -> datetime:
        """Return the wall time in aware UTC."""
        return NOON + timedelta(seconds=self.seconds) + self.jumped

    def unix(self) -> float:
        """Return the wall time as Unix seconds."""
        return self.wall().timestamp()


class World:
    """One server process after another, with the same stores."""

    def __init__(self, users: int = 0, **settings: Any) -> None:
        self.time = FakeClock()
        self.settings = dataclasses.replace(Settings(jwt_secret=SECRET), **settings)
        self.faults = Faults()
        self.users = FakeUsers(self.faults)
        self.calls = FakeCalls(self.faults)
        self.logins = FakeLogins(self.faults)
        self.audit = FakeAudit(self.faults)
        self.service_keys = FakeServiceKeys(self.faults)
        self.acknowledgements = FakeAcknowledgements(self.faults)
        self.user_passwords = FakeUserPasswords(self.faults, self.users)
        self.external_ids = FakeExternalIds(self.faults, self.users)
        self.deletions = FakeDeletions(self.faults, self.users, self.external_ids)
        self.numbers = itertools.count(1)
        self.tokens = Tokens(SECRET, "rollcall", "rollcall", now=self.time.unix, new_id=self.new_id)
        self.send_seconds = 0.0
        """The time that one send takes, as seen by the fan-out's slices."""
        self.hurries = False
        """Whether the next step happens before the last one has settled."""
        self.broken: list[BaseException] = []
        """The exceptions of background tasks."""
        self.clients: list[Client] = []
        self._spent = 0.0
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[Any]] = []
        self._ticks = 0
        for user_id in range(1, users + 1):
            self.users.add(user_id, self.time.wall())
        self.start()

    def start(self) -> None:
        """Start a new process from what the stores hold."""
        self.build()
        for user in self.users.rows.values():
            self.core.loader.load(user)
        self.core.loader.restore_calls(self.run(self.core.switchboard.recover()))
        self.run(self.core.actions.restore())
        self.run(self.core.acknowledgements.load())

    def build(self, shared: SharedLog | None = None) -> None:
        """Build a new core, on a log of its own or on one that it shares."""
        self.core = core.build_core(
            self.settings,
            Environment(
                clock=Clock(self.time.monotonic, self.time.wall, stall_seconds=self.settings.stall_seconds),
                unix_now=self.time.unix,
                elapsed=lambda: self.time.seconds + self._spent,
                call_later=self._call_later,
                spawn=self._spawn,
                new_id=self.new_id,
                incarnations=OnlyThisProcess(self.new_id()),
            ),
            CoreStores(
                cast("Users", self.users),
                cast("UserPasswords", self.user_passwords),
                cast("ExternalIds", self.external_ids),
                cast("Deletions", self.deletions),
                cast("Calls", self.calls),
                cast("Logins", self.logins),
                cast("Audit", self.audit),
                cast("ServiceKeys", self.service_keys),
                cast("Acknowledgements", self.acknowledgements),
            ),
            self.tokens,
            shared,
        )

    def crash(self) -> None:
        """Crash the process: everything in progress is lost, including every connection."""
        for task in self._tasks:
            task.cancel()
        self._spin()
        self._tasks.clear()
        self._later.clear()
        for client in self.clients:
            client.session.is_open = False
            client.transport.reset()

    def close(self) -> None:
        """Close the test's loop, and check that nothing has failed in the background."""
        self.crash()
        self._loop.close()
        assert not self.broken

    def new_id(self) -> str:
        """Return a text that is never repeated."""
        return f"id{next(self.numbers)}"

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task, and let it run as far as it can."""
        task = self._loop.create_task(work)
        task.add_done_callback(_read)
        self._tasks.append(task)
        if not self._loop.is_running():
            self._spin()
        return task

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work that waits for nothing but the store. Returns its result, or raises its exception."""
        task = self.begin(work)
        assert task.done(), "it waits for a store that is held"
        return task.result()

    def turn(self) -> bool:
        """Run the next action that is due. Returns whether there was one."""
        self._spin()
        if not self._later or self._later[0][0] > self.time.seconds:
            return False
        heapq.heappop(self._later)[2]()
        self._spin()
        return True

    def settle(self) -> None:
        """Run everything that can run without time passing."""
        while self.turn():
            pass

    def arrive(self) -> None:
        """Deliver everything on its way, while no deadline passes."""
        self.core.stats.tick()
        while self._later:
            self.time.seconds = max(self.time.seconds, self._later[0][0])
            self.turn()

    def advance(self, seconds: float) -> None:
        """Let time pass in small steps, with the server's periodic work."""
        end = self.time.seconds + seconds
        while self.time.seconds < end:
            self.time.seconds = min(self.time.seconds + TICK_SECONDS, end)
            self.settle()
            self.core.tick()
            self._ticks += 1
            if self._ticks % 8 == 0:
                self.core.sweep()
                self._answer_pings()
            if self._ticks % 16 == 0:
                self.core.stats.tick()
            self.settle()

    def stall(self, seconds: float) -> None:
        """Stall the server for a while: there is no tick, and then everything happens at once."""
        self.time.seconds += seconds
        self.core.tick()
        self.core.sweep()
        self.settle()

    def flush(self) -> None:
        """Save everything that is not saved yet."""
        self.run(self.core.save())

    def identity(self, user_id: int, *, life_seconds: int = 900, login_id: str = "login") -> Identity:
        """Return the identity in a new token."""
        return self.tokens.mint(user_id, login_id, "access", life_seconds)[1]

    def connect(
        self,
        user_id: int,
        channel: Channel = "feed",
        *,
        client: Client | None = None,
        epoch: str | None = None,
        since: int | None = None,
        kernel_bytes: int = 1 << 20,
        identity: Caller | None = None,
        transport: FakeTransport | None = None,
        address: str = "192.0.2.1",
        counts_by_address: bool = True,
    ) -> Client:
        """Open a socket. A client that was connected before resumes from what it knows."""
        if transport is None:
            transport = FakeTransport(self.soon, kernel_bytes=kernel_bytes)
        transport.on_take = self._spend
        if client is None:
            client = Client(user_id)
        elif client.epoch is not None:
            epoch, since = client.epoch, client.seq
        identity = identity or self.identity(user_id)
        request = ConnectRequest(identity, channel, address, "tests", epoch, since, counts_by_address)
        client.connected(self.core.admission.admit(request, transport), transport)
        if client not in self.clients:
            self.clients.append(client)
        self._react()
        return client

    def watch(self, channel: Channel = "feed", *, key_id: str = "backend", client: Client | None = None) -> Client:
        """Open a socket as a backend that watches with a service key."""
        if key_id not in self.service_keys.rows:
            self.service_keys.add(key_id, self.time.wall())
            self.run(self.core.authenticator.key_ring.load())
        return self.connect(0, channel, client=client, identity=self.service_keys.rows[key_id])

    def lose(self, client: Client) -> None:
        """Break a client's connection."""
        client.fold()
        client.transport.reset()
        client.session.closed_by_peer(None)

    def leave(self, client: Client) -> None:
        """Close a client's connection cleanly."""
        client.fold()
        client.session.closed_by_peer(1000)

    def send(self, client: Client, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a command as a client. Returns the messages received since."""
        before = len(client.messages())
        self.core.commands.dispatch(client.session, client.command(kind, **fields))
        self._react()
        return client.messages()[before:]

    def put(self, user_id: int, **change: Any) -> Status:
        """PUT /users/me/status."""
        return self.run(self.core.presence.change(user_id, StatusChange(**change)))

    def beat(self, user_id: int, *, over_socket: bool = False) -> Status:
        """Send a heartbeat."""
        if over_socket:
            return self.core.presence.socket_heartbeat(user_id)
        return self.run(self.core.presence.heartbeat(user_id))

    def call(self, caller_id: int, callee_id: int, key: str | None = None) -> Call:
        """POST /calls/start."""
        return self.run(self.core.switchboard.start(caller_id, callee_id, "audio", key))

    def hang_up(self, user_id: int, call: Call) -> Call:
        """POST /calls/end."""
        return self.run(self.core.switchboard.end(user_id, call.call_id, "completed"))

    def status(self, user_id: int) -> Status:
        """Return the server's status of a user."""
        return self.core.presence.status(user_id)

    def rename(self, profile: Profile) -> None:
        """Change a user's profile, past the store."""
        self.core.log.append(self.proposal(profile.user_id, profile=profile))

    def tag(self, user_id: int, *tags: str) -> None:
        """Give a user other tags."""
        self.users.change(user_id, tags=tuple(sorted(tags)), rev=self.users.rows[user_id].rev + 1)
        self.core.presence.follow(self.users.rows[user_id])

    def proposal(self, user_id: int, **fields: Any) -> Proposal:
        """Return a proposal that changes fields of a user's record."""
        return Proposal((user_id,), "set", lambda record: msgspec.structs.replace(record, **fields))

    def tags_of(self, user_id: int) -> tuple[str, ...]:
        """Return the user's tags on the server."""
        return self.core.registry.get(user_id).record.tags

    def hold(self, user_ids: tuple[int, ...], call_id: str) -> None:
        """Have users held by a call that is not ongoing."""
        fact = partial(with_call, call_id=call_id)
        self.core.log.append(Proposal(user_ids, "call_started", fact))

    def edit(self, user_id: int, **fields: Any) -> None:
        """Put fields into the user's record, past the log."""
        entry = self.core.registry.get(user_id)
        entry.record = msgspec.structs.replace(entry.record, **fields)

    def picture(self) -> Picture:
        """Return the server's status of everyone, in the form that a client holds it."""
        statuses = json.loads(msgspec.json.encode(self.core.registry.statuses()))
        return {status["user_id"]: known(status) for status in statuses}

    def soon(self, action: Callable[[], None]) -> None:
        """Run an action in the next turn."""
        self._call_later(0, action)

    def _call_later(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.time.seconds + delay, next(self.numbers), action))

    def _answer_pings(self) -> None:
        for client in self.clients:
            client.transport.messages()
            if client.transport.reads and client.is_open and client.pongs < client.transport.pings:
                client.pongs = client.transport.pings
                self.core.commands.pong(client.session)

    def _react(self) -> None:
        if not self.hurries:
            self.settle()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.begin(work).add_done_callback(self._note_broken)

    def _note_broken(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.append(error)

    def _spend(self) -> None:
        self._spent += self.send_seconds

    def _spin(self) -> None:
        """Run the loop until nothing is left to do, without time passing and without waiting for descriptors."""
        if not self._loop._ready:  # type: ignore[attr-defined]
            return
        while self._loop._ready:  # type: ignore[attr-defined]
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()
        self._tasks = [task for task in self._tasks if not task.done()]


def _read(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of a task that the test does not check, so that asyncio doesn't complain."""
    if not task.cancelled():
        task.exception()
