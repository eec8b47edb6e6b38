"""Background: the tasks that the server runs beside answering requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from handlers.api.metrics import Metrics
from handlers.crowd import Crowd
from models.errors import StoreUnavailable
from models.notices import Notice
from models.operator_auth import OperatorAuth
from models.screen_auth import ScreenAuth
from models.stores import Stores
from operation.memory import CROWD_SECONDS, CollectionKeeper, MemoryKeeper, malloc_trim
from operation.persistence import Persistence
from operation.tasks import end_tasks
from realtime.core import Core
from realtime.presence.log import Revocation
from realtime.protocol import CloseCode
from settings import Settings

TICK_SECONDS = 0.05
"""How precisely deadlines are met."""

SWEEP_SECONDS = 0.5
"""How precisely pings and the limit for slow clients are met."""

REFRESH_SECONDS = 1.0
"""How often the dashboard looks for what needs attention."""

SIGN_IN_SECONDS = 30.0
"""How often the sign-ins of open dashboards, and the screens on walls, are recorded as used."""

THIN_SECONDS = 300.0
"""How often samples of the figures are thinned."""

CLEAN_UP_SECONDS = 3600.0
"""How often expired logins, sign-ins and sign-in limits, and old events and samples, are deleted."""

_log = structlog.stdlib.get_logger("rollcall.background")


MEMORY_SECONDS = 10.0
"""Between two looks at whether a crowd has left."""


class Background:
    """Owns every background task: each failure is logged, and all tasks end at `stop`."""

    def __init__(
        self,
        settings: Settings,
        core: Core,
        stores: Stores,
        persistence: Persistence,
        operator_auth: OperatorAuth,
        screen_auth: ScreenAuth,
        metrics: Metrics,
        crowd: Crowd,
    ) -> None:
        self._settings = settings
        self._core = core
        self._stores = stores
        self._persistence = persistence
        self._operator_auth = operator_auth
        self._screen_auth = screen_auth
        self._metrics = metrics
        self._crowd = crowd
        self._collection_keeper = CollectionKeeper(core.hub.__len__, crowd)
        self._tasks: set[asyncio.Task[None]] = set()
        self._store_is_down = False
        self._last_notice = 0

    async def start(self, last_notice: int) -> None:
        """Start all tasks. Notices after `last_notice` are carried out."""
        self._last_notice = last_notice
        self.spawn(self._tick())
        self.spawn(self._every(SWEEP_SECONDS, self._sweep))
        self.spawn(self._every(self._settings.stats_interval_seconds, self._tell_stats))
        self.spawn(self._every(self._settings.save_interval_seconds, self._save))
        self.spawn(self._every(self._settings.save_interval_seconds, self._persistence.save_events))
        self.spawn(self._every(self._settings.notice_interval_seconds, self._read_notices))
        self.spawn(self._every(self._settings.overview_interval_seconds, self._tell_operators))
        self.spawn(self._every(REFRESH_SECONDS, self._look))
        self.spawn(self._every(self._settings.inspect_interval_seconds, self._core.check_store))
        self.spawn(self._resume_deletions())
        self.spawn(self._every(self._settings.sample_interval_seconds, self._persistence.sample))
        self.spawn(self._thin_samples())
        self.spawn(self._every(THIN_SECONDS, self._persistence.thin_samples))
        self.spawn(self._every(SIGN_IN_SECONDS, self._keep_sign_ins))
        self.spawn(self._every(CLEAN_UP_SECONDS, self._clean_up))
        self.spawn(self._every(MEMORY_SECONDS, MemoryKeeper(self._core.hub.__len__, malloc_trim()).look))
        self._crowd.on_begin = self._collection_keeper.pause
        self.spawn(self._every(CROWD_SECONDS, self._collection_keeper.look))

    def repeat(self, seconds: float, work: Callable[[], Awaitable[None]], *, at_once: bool = False) -> None:
        """Do something again and again, the first time at once or after some time. If it fails, the error is logged."""
        self.spawn(self._every(seconds, work, 0.0 if at_once else seconds))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background. If it fails, the error is logged."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End all tasks."""
        self._crowd.on_begin = None
        await end_tasks(self._tasks)
        self._collection_keeper.resume()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("background task failed", exc_info=task.exception())

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(TICK_SECONDS)
            self._metrics.observe_lag(max(0.0, loop.time() - before - TICK_SECONDS))
            self._guarded(self._core.tick)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run the deadlines. A failure must not stop those after it."""
        try:
            work()
        except Exception:
            _log.exception("deadline failed")

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], first_after: float | None = None
    ) -> None:
        await asyncio.sleep(seconds if first_after is None else first_after)
        while True:
            try:
                await work()
            except StoreUnavailable:
                self._note_store(is_down=True)
            except Exception:
                _log.exception("background task failed")
            await asyncio.sleep(seconds)

    def _note_store(self, *, is_down: bool) -> None:
        """Log when the store goes down and when it is back, not every call that fails in between."""
        if is_down and not self._store_is_down:
            _log.warning("the store cannot be reached: sockets stay open, writes are answered with 503")
        elif self._store_is_down and not is_down:
            _log.info("the store is back")
        self._store_is_down = is_down

    async def _sweep(self) -> None:
        self._core.sweep()

    async def _tell_operators(self) -> None:
        self._core.operator_sessions.tick()

    async def _save(self) -> None:
        """What waits to be saved is only evidence, which can wait a little longer while a crowd connects."""
        await self._crowd.let_in(self._settings.save_interval_seconds)
        await self._core.save()

    async def _look(self) -> None:
        await self._crowd.let_in(REFRESH_SECONDS)
        self._core.overview_feed.refresh()

    async def _keep_sign_ins(self) -> None:
        """An open dashboard keeps its sign-in, or its screen, in use. If that has ended, its sockets are closed."""
        for sign_in_id in self._core.operator_sessions.sign_ins():
            if not await self._operator_auth.keep(sign_in_id, self._core.environment.clock.utc()):
                self._core.operator_sessions.close_sign_in(sign_in_id)
        for screen in self._core.operator_sessions.screens().values():
            if not await self._screen_auth.keep(screen.screen_id, self._core.environment.clock.utc()):
                self._core.operator_sessions.close_sign_in(screen.visitor_id)

    async def _tell_stats(self) -> None:
        self._core.stats.tick()

    async def _read_notices(self) -> None:
        notices = await self._stores.notices.after(self._last_notice)
        self._note_store(is_down=False)  # the only task that always asks the store
        for notice in notices:
            try:
                await self._carry_out(notice)
            except StoreUnavailable:
                raise
            except Exception as error:
                self._core.environment.failures.note("notice", notice.notice_id, error)
            self._last_notice = notice.notice_id

    async def _carry_out(self, notice: Notice) -> None:
        """Apply to memory what another process did to the store."""
        if notice.kind == "user_disabled":
            if notice.first_id in self._core.registry:
                self._core.presence.disable(notice.first_id)
                self._core.switchboard.drop(notice.first_id)
                self._core.settlement.mark(notice.first_id)
            self._core.hub.close_user(notice.first_id, CloseCode.REVOKED, "disabled")
            return
        if notice.kind == "login_revoked":
            self._core.authenticator.login_revoked(Revocation(notice.login_id, notice.seconds))
            return
        if notice.kind == "user_revoked":
            if notice.first_id in self._core.registry:
                self._core.presence.refuse(notice.first_id, notice.last_id, notice.login_id)
            self._follow(notice.first_id)
            return
        if notice.kind == "user_changed":
            self._follow(notice.first_id)
            return
        if notice.kind == "operator_changed":
            self._core.operator_sessions.close_operator(notice.first_id)
            return
        if notice.kind == "keys_changed":
            await self._core.authenticator.key_ring.load()
            return
        if notice.kind == "acknowledgements_changed":
            await self._core.acknowledgements.load()
            return
        if notice.kind == "sign_in_ended":
            self._core.operator_sessions.close_sign_in(notice.login_id)
            return
        after = notice.first_id - 1
        while users := await self._stores.users.page(after, 1000, notice.last_id):
            self._core.loader.add_all(users)
            after = users[-1].profile.user_id

    async def _thin_samples(self) -> None:
        """At start, too: a server that never runs for long would otherwise never thin them."""
        with suppress(StoreUnavailable):
            await self._persistence.thin_samples()

    async def _resume_deletions(self) -> None:
        """Finish what the last process left."""
        with suppress(StoreUnavailable):  # then it is tried again with each check of the store
            await self._core.membership.resume_deletions()

    def _follow(self, user_id: int) -> None:
        """Let memory and the log follow a user's document that another process has changed.

        The next notices do not wait for that: the log may be closed.
        """
        self._core.settlement.mark(user_id)
        self.spawn(self._settle(user_id))

    async def _settle(self, user_id: int) -> None:
        with suppress(StoreUnavailable):  # the user stays unsettled, which is tried again
            await self._core.settlement.settle(user_id)

    async def _clean_up(self) -> None:
        if not self._core.is_first:
            return
        now, settings = self._core.environment.clock.utc(), self._settings
        await self._stores.logins.forget_expired(now - timedelta(days=1))
        await self._stores.sign_in_limits.forget_old(now)
        await self._stores.sign_ins.forget_old(
            now - timedelta(seconds=settings.operator_session_seconds),
            now - timedelta(seconds=settings.operator_idle_seconds),
        )
        await self._persistence.forget_old()
