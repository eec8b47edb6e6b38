"""Server: all parts of one process, from their start to their stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import structlog
from argon2 import PasswordHasher

from handlers.api.metrics import Metrics
from handlers.app_context import AppContext
from handlers.base import HandlerContext
from handlers.origins import Origins
from handlers.page_templates import compile_ahead, page_templates
from handlers.routes import direct_upgrades, make_application, make_probe_application
from handlers.traffic import Traffic
from models.accounts import Accounts
from models.database import Database
from models.ended_instances import LOOK_SECONDS
from models.errors import StoreUnavailable
from models.instances import Instances
from models.operator_auth import OperatorAuth
from models.password_changes import PasswordChanges
from models.passwords import Passwords
from models.random_ids import RandomIds
from models.screen_auth import ScreenAuth
from models.stores import Stores
from models.tokens import open_tokens
from operation.address import listening_address
from operation.background import Background
from operation.checkpointer import CHECK_SECONDS, Checkpointer
from operation.cut_off import CutOff
from operation.drain import Drain
from operation.foreign_keys import accept_foreign_tokens
from operation.http_servers import http_server
from operation.lease_keeper import LeaseKeeper
from operation.listening import open_listening_sockets, open_probe_sockets
from operation.loading import load, renew_name_keys
from operation.node_report import node_report
from operation.notice_sender import NoticeSender
from operation.persistence import Persistence
from operation.shared_log import OpenedLog, log_change
from operation.wall_time import WallTime
from operation.webhooks.webhooks import Webhooks
from realtime.clock import Clock, Environment, OnlyThisProcess
from realtime.cluster.node import Node
from realtime.core import build_core
from realtime.dashboard.fleet import Fleet
from realtime.stores import CoreStores
from realtime.webhooks.parts import WebhookParts
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.server")


class Server:
    """All parts of one process. `start`, serve, `drain`, `stop`, in this order."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        lease_keeper: LeaseKeeper,
        stores: Stores,
        metrics: Metrics,
        shared: OpenedLog | None = None,
    ) -> None:
        self.settings = settings
        self._shared = shared
        self._database = database
        self._lease_keeper = lease_keeper
        self._stores = stores
        self._passwords = Passwords(
            PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes),
            workers=settings.password_workers,
            waiting_limit=settings.password_waiting_limit,
        )
        self.tokens = open_tokens(settings)
        core_stores = CoreStores(
            stores.users, stores.user_passwords, stores.external_ids, stores.deletions, stores.calls, stores.logins,
            stores.audit, stores.service_keys, stores.acknowledgements,
        )  # fmt: skip
        self.core = build_core(
            settings, self._environment(), core_stores, self.tokens, None if shared is None else shared.log
        )  # fmt: skip
        self._foreign_keys = accept_foreign_tokens(settings, self.core, stores)
        self._checkpointer = Checkpointer(
            settings, self.core, stores.checkpoints, stores.recorded_spans, lease_keeper.incarnation, lease_keeper.name
        )  # fmt: skip
        self._persistence = Persistence(settings, self.core, stores, self._checkpointer)
        self._operator_auth = OperatorAuth(stores, self._passwords, settings, now=self.core.environment.clock.utc)
        self._screen_auth = ScreenAuth(stores.screens, settings, now=self.core.environment.clock.utc)
        self._traffic = Traffic()
        self._background = Background(
            settings, self.core, stores, self._persistence, self._operator_auth, self._screen_auth, metrics,
            self._traffic.crowd,
        )  # fmt: skip
        self._webhooks = None if self.core.webhooks is None else self._open_webhooks(self.core.webhooks)
        self._drain = Drain(settings, self.core, self._traffic)
        origins = Origins(settings)
        metrics.read_from(self.core, database)
        self._fleet = None if self.core.node is None else self._open_fleet(self.core.node)
        app = self._app_context(metrics, origins)
        self._http = http_server(settings, make_application(app), self._traffic, origins, direct_upgrades(app))
        self._probes = http_server(settings, make_probe_application(app), Traffic(), origins)
        self.port = settings.port
        self.probe_port = settings.probe_port

    async def start(self) -> None:
        """Load what the store holds, then listen. Raises StoreUnavailable, SettingsError."""
        # What the command line changes from here on is in the store before it is read, or in a later notice.
        newest_notice = await self._stores.notices.newest()
        await renew_name_keys(self._stores.name_keys)
        await load(self.core, self._stores, self._persistence)
        if self.core.node is not None:
            NoticeSender(self._stores.notices, self._background.spawn).follow(self.core)
            await self.core.node.start()
            self._watch_log(self.core.node)
        if self._webhooks is not None:
            await self._webhooks.start()
        if self._foreign_keys is not None:
            await self._foreign_keys.start()
        self._checkpointer.start()
        sockets = open_listening_sockets(self.settings)
        self.port = sockets[0].getsockname()[1]
        for_probes = open_probe_sockets(self.settings)
        self.probe_port = for_probes[0].getsockname()[1] if for_probes else 0
        await self._background.start(newest_notice)
        self._background.spawn(compile_ahead(page_templates(), time.process_time))
        self._background.repeat(CHECK_SECONDS, self._checkpointer.tick, at_once=True)
        if self._webhooks is not None:
            self._background.spawn(self._webhooks.keep_storing())
            self._background.spawn(self._webhooks.keep_sending())
        if self._foreign_keys is not None:
            self._background.spawn(self._foreign_keys.keep())
        self._http.add_sockets(sockets)
        self._probes.add_sockets(for_probes)

    def described(self) -> dict[str, Any]:
        """What the log says of a server that listens."""
        probes = {"probes": listening_address(self.settings, self.probe_port).http} if self.probe_port else {}
        return {
            "url": listening_address(self.settings, self.port).http,
            **probes,
            "node": self._lease_keeper.name,
            "incarnation": self._lease_keeper.incarnation,
            "users": len(self.core.registry),
        }

    async def drain(self) -> None:
        """Tell every socket when to reconnect and close it; let requests finish. Nobody goes offline.

        Later requests on open connections get 503, and their connections end.
        """
        began = time.monotonic()
        self.core.admission.closing = self._traffic.draining = True
        self._http.conn_params.no_keep_alive = True
        for _ in range(2):
            await asyncio.sleep(0)  # connections that the kernel has accepted get an answer too
        self._http.stop()
        await self._drain.send_away()
        await self._drain.wait_until_quiet(began)
        if self.core.node is not None:
            with contextlib.suppress(StoreUnavailable):  # then the others find out
                await self.core.node.leave()

    async def stop(self) -> None:
        """Save what is not saved yet, and release everything."""
        await self._background.stop()
        if self._foreign_keys is not None:
            await self._foreign_keys.stop()
        try:
            await self.core.save()
            await self._persistence.save_events()
            await self._checkpointer.stop()
        except StoreUnavailable:
            _log.warning("the last signs of life could not be saved", users=len(self.core.write_back))
        if self._webhooks is not None:
            await self._webhooks.stop()
        if self._shared is not None:
            await self._shared.log.close()
        await self._lease_keeper.give_back()
        self._probes.stop()
        for each in (self._http, self._probes):
            await each.close_all_connections()
        self._passwords.close()
        await self._database.close()

    def _watch_log(self, node: Node) -> None:
        """Tell the others how this server is, and send its clients to them if only they reach the log."""
        node.on_change = self._log_has_changed
        if self._webhooks is not None:
            self._webhooks.stand_back_if(lambda: self.core.admission.is_cut_off)
        self._lease_keeper.tell_others(lambda: node.is_connected, lambda: node_report(self.core, node))
        cut_off = CutOff(
            self.settings, node, self._lease_keeper, self.core.admission, self._drain.send_away,
            self.core.operator_sessions.reopen,
        )  # fmt: skip
        self._background.repeat(self.settings.lease_renew_seconds, cut_off.check)
        self._background.repeat(LOOK_SECONDS, self._lease_keeper.remove_ended)
        if self._fleet is not None:
            self._background.repeat(self.settings.lease_renew_seconds, self._fleet.refresh)

    def _log_has_changed(self, kind: str, name: str) -> None:
        log_change(kind, name)
        self._checkpointer.want()
        if self._webhooks is not None:
            self._webhooks.server_has_gone()

    def _open_webhooks(self, parts: WebhookParts) -> Webhooks:
        return Webhooks(
            self.settings, self.core.environment, parts, self._stores, self._lease_keeper.incarnation
        )  # fmt: skip

    def _open_fleet(self, node: Node) -> Fleet:
        """The servers that share the database, for operators."""
        instances = Instances(self._database.unchecked_collection("instances"))
        fleet = Fleet(
            self.settings, self.core.environment.clock, instances, self._lease_keeper.incarnation,
            lambda: node_report(self.core, node),
        )  # fmt: skip
        self.core.session_list.label = fleet.label
        return fleet

    def _environment(self) -> Environment:
        return Environment(
            clock=Clock(time.monotonic, WallTime(), stall_seconds=self.settings.stall_seconds),
            unix_now=time.time,
            elapsed=time.perf_counter,
            call_later=lambda delay, action: asyncio.get_running_loop().call_later(delay, action),
            spawn=lambda work: self._background.spawn(work),
            new_id=RandomIds(12),
            incarnations=OnlyThisProcess(self._lease_keeper.incarnation),
            database_id="" if self._shared is None else self._shared.database_id,
        )

    def _app_context(self, metrics: Metrics, origins: Origins) -> AppContext:
        settings, stores = self.settings, self._stores
        environment = self.core.environment
        accounts = Accounts(
            stores,
            self._passwords,
            self.tokens,
            settings,
            now=environment.clock.utc,
            steady=environment.clock.now,
            new_id=environment.new_id,
        )
        context = HandlerContext(self.core.authenticator, origins, self._traffic, self.core.limits, settings)
        password_changes = PasswordChanges(stores, self._passwords, settings, now=environment.clock.utc)
        return AppContext(
            settings, context, self.core, stores, accounts, password_changes, self._operator_auth, self._screen_auth,
            self._database, metrics, self._fleet,
        )  # fmt: skip
