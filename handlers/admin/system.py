"""System: the condition of the server and of those beside it, and its settings."""

from __future__ import annotations

import dataclasses

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.webhooks import webhook_overview
from handlers.api.runtime_stats import RuntimeStats
from handlers.docs.openapi import API_VERSION
from models.database import Database
from models.stores import Stores
from realtime.core import Core
from realtime.dashboard.fleet import Fleet
from settings import Settings, masked, variable


class SystemHandler(AdminHandler):
    """GET /admin/system"""

    def initialize(
        self,
        admin: AdminContext,
        core: Core,
        runtime_stats: RuntimeStats,
        database: Database,
        settings: Settings,
        fleet: Fleet | None,
        stores: Stores,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.core = core
        self.runtime_stats = runtime_stats
        self.database = database
        self.server_settings = settings
        self.fleet = fleet
        self.stores = stores

    @allows("admin")
    async def get(self) -> None:
        """Show the current values."""
        core = self.core
        sockets = core.hub.count_by_channel()
        sockets["operators"] = len(core.operator_sessions)
        self.show(
            "system.html",
            here="system",
            servers=[] if self.fleet is None else self.fleet.rows(),
            runtime_stats=self.runtime_stats,
            counters=core.counters,
            closes=sorted(core.counters.closes.items(), key=lambda each: str(each[0])),
            sockets=sockets,
            behind=len(core.fan_out.behind()),
            unsaved_users=len(core.write_back),
            unsaved_events=len(core.event_log.unsaved(10_000)),
            is_store_down=self.database.breaker.is_open,
            store="MongoDB" if self.server_settings.mongodb_url else "the embedded store",
            users=len(core.registry),
            program=API_VERSION,
            groups=_groups(self.server_settings),
            webhooks=None if core.webhooks is None else await webhook_overview(self.stores),
        )


def _groups(settings: Settings) -> list[tuple[str, list[tuple[str, str, str, bool]]]]:
    """(group, [(variable, value, meaning, whether it is the default)]), grouped as in docs/settings.md."""
    values = masked(settings)
    groups: list[tuple[str, list[tuple[str, str, str, bool]]]] = []
    for each in dataclasses.fields(settings):
        if each.metadata["group"]:
            groups.append((each.metadata["group"], []))
        is_default = getattr(settings, each.name) == each.default
        groups[-1][1].append((variable(each.name), values[each.name], each.metadata["help"], is_default))
    return groups
