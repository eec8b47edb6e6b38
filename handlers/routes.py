"""Routes: every URL on one page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2
from tornado.routing import URLSpec
from tornado.web import Application

from handlers import auth, calls, documents, feed, health, pages, sockets, users
from handlers.asyncapi import asyncapi
from handlers.base import NotFoundHandler, Web
from handlers.library import Library
from handlers.logs import log_request
from handlers.metrics import Metrics
from handlers.openapi import openapi
from models.accounts import Accounts
from models.database import Database
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
    database: Database
    metrics: Metrics


def routes(parts: Parts) -> list[URLSpec]:
    """All URLs, with what their handlers need."""
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
    for_sockets = {
        "web": web, "admission": core.admission, "commands": core.commands, "clock": core.world.clock,
        "counters": core.counters,
        "refusals": Buckets(settings.refusals_per_address, settings.refusals_per_second),
    }  # fmt: skip
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True)
    for_docs = {"web": web, "templates": templates, "library": Library(HERE)}
    of_http, of_sockets = (documents.description(partial(make, settings)) for make in (openapi, asyncapi))
    return [
        URLSpec(r"/", pages.HomeHandler, {"web": web, "templates": templates, "stats": core.stats}),
        URLSpec(r"/static/(.*)", pages.AssetHandler, {"web": web, "path": str(HERE / "static")}),
        URLSpec(r"/docs", documents.DocsHandler, for_docs),
        URLSpec(r"/docs/(.*)", documents.DocsHandler, for_docs),
        URLSpec(r"/openapi\.json", documents.DescriptionHandler, {"web": web, "description": of_http}),
        URLSpec(r"/asyncapi\.json", documents.DescriptionHandler, {"web": web, "description": of_sockets}),
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
        URLSpec(r"/ws/feed", sockets.SocketHandler, {**for_sockets, "channel": "feed"}),
        URLSpec(r"/ws/presence", sockets.SocketHandler, {**for_sockets, "channel": "presence"}),
        URLSpec(r"/healthz", health.AliveHandler, for_health),
        URLSpec(r"/readyz", health.ReadyHandler, for_health),
        URLSpec(r"/metrics", health.MetricsHandler, for_health),
    ]


def make_application(parts: Parts) -> Application:
    """The Tornado application. Compression and Tornado's own pings are off; see docs/decisions."""
    return Application(
        routes(parts),
        default_handler_class=NotFoundHandler,
        default_handler_args={"web": parts.web},
        log_function=log_request,
        websocket_max_message_size=parts.settings.message_limit_bytes,
        websocket_ping_interval=0,
    )
