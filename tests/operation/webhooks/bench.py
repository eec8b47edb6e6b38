"""Bench: what sends webhooks, on real stores, with a receiver and a clock that a test controls, and no port."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from models.calls import Call
from models.database import Database
from models.status import StatusChange
from models.stores import Stores
from models.tokens import Tokens
from models.user_documents import NewUser
from models.webhook_batches import StoredBatch, WebhookBatches
from models.webhook_cursor import WebhookCursor
from models.webhook_told import WebhookTold
from operation.webhooks.delivery import Delivery
from operation.webhooks.lease import WebhookLease
from operation.webhooks.outbox import Outbox
from realtime.clock import Clock, Environment, OnlyThisProcess
from realtime.core import Core, build_core
from realtime.parts import CoreStores
from realtime.webhooks.retries import Retries
from settings import Settings
from tests.realtime.world import SECRET as KEY
from tests.realtime.world import FakeClock
from tests.receiver import SECRET

ON: dict[str, Any] = {
    "webhook_url": "https://example.org/", "webhook_secret": SECRET, "jwt_secret": KEY,
    "announcements_per_second": 100_000,
}  # fmt: skip


class Crash(BaseException):
    """The process was killed here."""


class CrashPoint:
    """Kills the process at one write to the collections of webhooks: before it is carried out, or after."""

    def __init__(self, at: int = 0, *, is_after: bool = False) -> None:
        self.at = at
        self.is_after = is_after
        self.writes = 0

    async def pass_by(self, write: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out a write, unless the process is killed here."""
        self.writes += 1
        if self.writes == self.at and not self.is_after:
            raise Crash
        result = await write()
        if self.writes == self.at:
            raise Crash
        return result


class CrashingCollection:
    """A collection whose writes pass a crash point."""

    WRITES = (
        "insert_one",
        "insert_many",
        "update_one",
        "update_many",
        "find_one_and_update",
        "delete_one",
        "delete_many",
        "bulk_write",
    )

    def __init__(self, collection: Any, point: CrashPoint) -> None:
        self._collection = collection
        self._point = point

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._collection, name)
        if name not in self.WRITES:
            return found
        return lambda *args, **options: self._point.pass_by(lambda: found(*args, **options))


class FakeReceiver:
    """Receives batches. `failure` is what goes wrong, if anything."""

    def __init__(self) -> None:
        self.failure = ""
        self.refuses: Callable[[list[dict[str, Any]]], bool] = lambda _events: False
        self.attempts: list[str] = []
        """The id of each webhook that arrived, whatever became of it."""
        self.received: dict[str, list[dict[str, Any]]] = {}
        """The events of each webhook that was received, in the order of their first arrival."""
        self.point: CrashPoint = CrashPoint()
        """Where the sender is killed: before sending, or after the receiver has the webhook."""

    async def send(self, batch: StoredBatch) -> str:
        """Receive a batch."""
        return str(await self.point.pass_by(lambda: self._receive(batch)))

    async def _receive(self, batch: StoredBatch) -> str:
        events = msgspec.json.decode(batch.body)["events"]
        self.attempts.append(batch.webhook_id)
        if self.failure or self.refuses(events):
            return self.failure or "HTTP 400"
        known = self.received.setdefault(batch.webhook_id, events)
        assert known == events, "another content under the same id"
        return ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events in the order in which they were received."""
        return [event for events in self.received.values() for event in events]

    def statuses(self) -> dict[int, dict[str, Any]]:
        """What the receiver knows of each user."""
        known: dict[int, dict[str, Any]] = {}
        for event in self.events:
            if event["type"] in ("status.changed", "user.created"):
                known[event["data"]["user_id"]] = event["data"]["status"]
        return known

    def calls(self) -> list[tuple[str, str]]:
        """What the receiver was told of calls: the type and the id."""
        return [
            (event["type"], event["data"]["call"]["call_id"])
            for event in self.events
            if event["type"].startswith("call")
        ]


class Bench:
    """One server after another on the same stores."""

    numbers = itertools.count(1)

    def __init__(
        self, database: Database, stores: Stores, *, time: FakeClock | None = None, holder: str = "", **settings: Any
    ) -> None:
        self.settings = Settings(**{**ON, **settings})
        self.database = database
        self.plain = stores
        self.time = time or FakeClock()
        self.receiver = FakeReceiver()
        self.holder = holder
        self.tasks: set[asyncio.Task[None]] = set()
        self.core: Core
        self.outbox: Outbox
        self.delivery: Delivery
        self.lease: WebhookLease

    async def start(self, point: CrashPoint | None = None) -> None:
        """Start a new process from what the stores hold, as the server does."""
        self.build(point or CrashPoint())
        users = await self.plain.users.page(0, 1000)
        self.core.loader.load_all(each for each in users if each.deleted_at is None)
        self.core.loader.restore_calls(await self.core.switchboard.recover())
        assert self.core.webhooks is not None
        self.core.webhooks.recorder.start()
        await self.outbox.take()

    def build(self, point: CrashPoint) -> None:
        """Put the parts together."""
        stores, settings = self.stores_with(point), self.settings
        clock = Clock(self.time.monotonic, self.time.wall, stall_seconds=1e9)
        environment = Environment(
            clock=clock,
            unix_now=self.time.unix,
            elapsed=self.time.monotonic,
            call_later=lambda _seconds, _action: None,
            spawn=self.spawn,
            new_id=self.new_id,
            incarnations=OnlyThisProcess(self.new_id()),
        )
        tokens = Tokens(KEY, "rollcall", "rollcall", now=self.time.unix, new_id=self.new_id)
        for_core = CoreStores(**{each.name: getattr(stores, each.name) for each in dataclasses.fields(CoreStores)})
        self.core = build_core(settings, environment, for_core, tokens)
        parts = self.core.webhooks
        assert parts is not None
        self.lease = WebhookLease(
            stores.webhook_cursor, self.holder or self.new_id(), settings, clock=self.time.monotonic,
            steady=self.time.monotonic,
        )  # fmt: skip
        self.outbox = Outbox(settings, environment, parts, stores, self.lease)
        self.delivery = Delivery(
            settings,
            clock,
            stores,
            self.lease,
            self.outbox,
            parts.figures,
            self.receiver,
            Retries(settings, lambda: 1.0),
        )

    def stores_with(self, point: CrashPoint) -> Stores:
        """The stores, with webhooks' own behind a crash point."""

        def at_point(name: str) -> Any:
            return CrashingCollection(self.database.collection(name), point)

        return dataclasses.replace(
            self.plain,
            webhook_cursor=WebhookCursor(at_point("webhook_cursor")),
            webhook_batches=WebhookBatches(at_point("webhook_batches"), at_point("webhook_set_aside")),
            webhook_told=WebhookTold(at_point("webhook_users"), at_point("webhook_calls"), at_point("webhook_issues")),
        )

    async def deliver(self, steps: int = 1000) -> None:
        """Store and send all that can be stored and sent without time passing."""
        await self.outbox.step()
        while steps and await self.delivery.step():
            steps -= 1
            await self.outbox.step()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time.seconds += seconds
        self.core.environment.clock.tick()

    async def add_user(self, name: str, external_id: str | None = None) -> int:
        """Add a user, as a registration does."""
        user = await self.plain.users.create(NewUser(name, None, None, external_id), self.time.wall())
        self.core.loader.add(user)
        return user.profile.user_id

    async def put(self, user_id: int, **change: Any) -> None:
        """PUT /users/me/status."""
        await self.core.presence.change(user_id, StatusChange(**change))

    async def call(self, caller_id: int, callee_id: int) -> Call:
        """POST /calls/start."""
        return await self.core.switchboard.start(caller_id, callee_id, "audio", None)

    async def hang_up(self, call: Call) -> None:
        """POST /calls/end."""
        await self.core.switchboard.end(call.caller_id, call.call_id, "completed")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task in the background."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def new_id(self) -> str:
        """Return a text that is never repeated."""
        return f"{next(self.numbers):024d}"[::-1]
