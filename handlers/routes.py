"""Routes: every URL on one page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import jinja2
from tornado.routing import URLSpec
from tornado.web import Application

from handlers import auth, calls, documents, feed, health, pages, sockets, users
from handlers.admin import actions, live, login, operators, records, system
from handlers.admin import calls as admin_calls
from handlers.admin import users as admin_users
from handlers.admin.assets import Assets, VersionedAssetHandler
from handlers.admin.base import NothingHandler, Office, xsrf_cookie
from handlers.admin.diary import Diary
from handlers.admin.orders import Orders
from handlers.admin.previews import Previews
from handlers.admin.socket import OperatorSocketHandler
from handlers.admin.words import FILTERS
from handlers.asyncapi import asyncapi
from handlers.base import NotFoundHandler, Web
from handlers.library import Library
from handlers.logs import log_request
from handlers.metrics import Metrics
from handlers.openapi import openapi
from models.accounts import Accounts
from models.database import Database
from models.desk import Desk
from models.stores import Stores
from realtime.core import Core
from realtime.ratelimit import Buckets
from settings import Settings

HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Parts:
    """What the handlers are given, each its share."""

    settings: Settings
    web: Web
    core: Core
    stores: Stores
    accounts: Accounts
    desk: Desk
    database: Database
    metrics: Metrics


def routes(parts: Parts) -> list[URLSpec]:
    """All URLs, with what their handlers need."""
    templates = _templates()
    assets = Assets(HERE / "static", HERE / "templates" / "admin")
    refusals = Buckets(parts.settings.refusals_per_address, parts.settings.refusals_per_second)
    return [
        *_pages(parts, templates, assets),
        *_api(parts),
        *_sockets(parts, refusals),
        *_admin(parts, _office(parts, templates, assets), refusals),
    ]


@cache
def _templates() -> jinja2.Environment:
    """All templates, compiled: the first who opens a page would hold up everybody else with it."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True)
    templates.filters.update(FILTERS)
    for name in templates.list_templates():
        templates.get_template(name)
    return templates


def _pages(parts: Parts, templates: jinja2.Environment, assets: Assets) -> list[URLSpec]:
    """What a person reads who opens the server in a browser."""
    core, web, static = parts.core, parts.web, str(HERE / "static")
    for_docs = {"web": web, "templates": templates, "library": Library(HERE)}
    of_http, of_sockets = (documents.description(partial(make, parts.settings)) for make in (openapi, asyncapi))
    return [
        URLSpec(r"/", pages.HomeHandler, {"web": web, "templates": templates, "stats": core.stats}),
        URLSpec(r"/static/v/([0-9a-f]+)/(.*)", VersionedAssetHandler, {"web": web, "path": static, "assets": assets}),
        URLSpec(r"/static/(.*)", pages.AssetHandler, {"web": web, "path": static}),
        URLSpec(r"/docs", documents.DocsHandler, for_docs),
        URLSpec(r"/docs/(.*)", documents.DocsHandler, for_docs),
        URLSpec(r"/openapi\.json", documents.DescriptionHandler, {"web": web, "description": of_http}),
        URLSpec(r"/asyncapi\.json", documents.DescriptionHandler, {"web": web, "description": of_sockets}),
    ]


def _api(parts: Parts) -> list[URLSpec]:
    """What apps ask over HTTP."""
    core, web, settings = parts.core, parts.web, parts.settings
    for_auth = {
        "web": web, "accounts": parts.accounts, "presence": core.presence, "ticket_seconds": settings.ticket_seconds,
    }  # fmt: skip
    for_users = {
        "web": web, "presence": core.presence, "directory": core.directory, "users": parts.stores.users,
        "batch_limit": settings.presence_batch_limit,
    }  # fmt: skip
    for_feed = {"web": web, "directory": core.directory, "stats": core.stats}
    for_calls = {"web": web, "switchboard": core.switchboard, "calls": parts.stores.calls}
    for_health = {
        "web": web, "database": parts.database, "admission": core.admission, "metrics": parts.metrics,
    }  # fmt: skip
    return [
        URLSpec(r"/auth/register", auth.RegisterHandler, for_auth),
        URLSpec(r"/auth/login", auth.LoginHandler, for_auth),
        URLSpec(r"/auth/refresh", auth.RefreshHandler, for_auth),
        URLSpec(r"/auth/logout", auth.LogoutHandler, for_auth),
        URLSpec(r"/auth/ticket", auth.TicketHandler, for_auth),
        URLSpec(r"/users/me", users.MeHandler, for_users),
        URLSpec(r"/users/me/status", users.MyStatusHandler, for_users),
        URLSpec(r"/users/me/heartbeat", users.MyHeartbeatHandler, for_users),
        URLSpec(r"/users/presence", users.UsersPresenceHandler, for_users),
        URLSpec(r"/users/([^/]+)/presence", users.UserPresenceHandler, for_users),
        URLSpec(r"/feed/users", feed.FeedUsersHandler, for_feed),
        URLSpec(r"/feed/stats", feed.FeedStatsHandler, for_feed),
        URLSpec(r"/calls/start", calls.StartHandler, for_calls),
        URLSpec(r"/calls/end", calls.EndHandler, for_calls),
        URLSpec(r"/calls/ongoing", calls.OngoingHandler, for_calls),
        URLSpec(r"/calls/history", calls.HistoryHandler, for_calls),
        URLSpec(r"/healthz", health.AliveHandler, for_health),
        URLSpec(r"/readyz", health.ReadyHandler, for_health),
        URLSpec(r"/metrics", health.MetricsHandler, for_health),
    ]


def _sockets(parts: Parts, refusals: Buckets) -> list[URLSpec]:
    """What apps are told over sockets."""
    core = parts.core
    for_sockets = {
        "web": parts.web, "admission": core.admission, "commands": core.commands, "clock": core.world.clock,
        "counters": core.counters, "refusals": refusals,
    }  # fmt: skip
    return [
        URLSpec(r"/ws/feed", sockets.SocketHandler, {**for_sockets, "channel": "feed"}),
        URLSpec(r"/ws/presence", sockets.SocketHandler, {**for_sockets, "channel": "presence"}),
    ]


def _admin(parts: Parts, office: Office, refusals: Buckets) -> list[URLSpec]:
    """The operators' dashboard, its actions and its socket."""
    core, stores, clock = parts.core, parts.stores, parts.core.world.clock
    for_duty = {"office": office, "watchers": core.watchers, "diary": Diary(stores.audit, clock)}
    for_overview = {"office": office, "overview": core.overview}
    for_calls = {**for_overview, "stores": stores, "directory": core.directory}
    for_records = {"office": office, "stores": stores, "directory": core.directory}
    for_operators = {**for_duty, "operators": stores.operators}
    orders = Orders(core.actions, stores.audit, clock, core.directory, core.switchboard)
    for_actions = {
        "office": office, "previews": Previews(core.actions, core.overview), "orders": orders,
        "targets_limit": parts.settings.action_targets_limit,
    }  # fmt: skip
    for_system = {
        "office": office, "core": core, "vitals": parts.metrics.vitals, "database": parts.database,
        "settings": parts.settings,
    }  # fmt: skip
    for_socket = {
        "office": office, "watchers": core.watchers, "commands": core.operator_commands, "clock": clock,
        "counters": core.counters, "refusals": refusals,
    }  # fmt: skip
    return [
        URLSpec(r"/admin/login", login.LoginHandler, for_duty),
        URLSpec(r"/admin/logout", login.LogoutHandler, for_duty),
        URLSpec(r"/admin", live.LiveHandler, for_overview),
        URLSpec(r"/admin/wall", live.WallHandler, for_overview),
        URLSpec(r"/admin/users", admin_users.UsersHandler, for_overview),
        URLSpec(r"/admin/users/([^/]+)", admin_users.UserHandler, {**for_overview, "stores": stores}),
        URLSpec(r"/admin/calls", admin_calls.CallsHandler, for_calls),
        URLSpec(r"/admin/calls/([^/]+)", admin_calls.CallHandler, for_calls),
        URLSpec(r"/admin/events", records.EventsHandler, for_records),
        URLSpec(r"/admin/events\.csv", records.EventsCsvHandler, for_records),
        URLSpec(r"/admin/audit", records.AuditHandler, for_records),
        URLSpec(r"/admin/audit\.csv", records.AuditCsvHandler, for_records),
        URLSpec(r"/admin/actions", actions.ActionsHandler, for_actions),
        URLSpec(r"/admin/actions/progress", actions.ProgressHandler, {"office": office, "orders": orders}),
        URLSpec(r"/admin/operators", operators.OperatorsHandler, for_operators),
        URLSpec(r"/admin/operators/([^/]+)", operators.OperatorHandler, for_operators),
        URLSpec(r"/admin/system", system.SystemHandler, for_system),
        URLSpec(r"/admin/(.*)", NothingHandler, {"office": office}),
        URLSpec(r"/ws/operators", OperatorSocketHandler, for_socket),
    ]


def _office(parts: Parts, templates: jinja2.Environment, assets: Assets) -> Office:
    """What every page of the dashboard needs."""
    settings = parts.settings
    return Office(
        parts.web, parts.desk, templates, assets, parts.core.world.clock, bool(settings.tls_certificate),
        settings.page_rows,
    )  # fmt: skip


def make_application(parts: Parts) -> Application:
    """The Tornado application. Compression and Tornado's own pings are off; see docs/decisions."""
    return Application(
        routes(parts),
        default_handler_class=NotFoundHandler,
        default_handler_args={"web": parts.web},
        log_function=log_request,
        xsrf_cookies=True,
        xsrf_cookie_name=xsrf_cookie(has_tls=bool(parts.settings.tls_certificate)),
        cross_origin_protection=True,
        websocket_max_message_size=parts.settings.message_limit_bytes,
        websocket_ping_interval=0,
    )
