"""Routes: every URL; those of the dashboard are in handlers/admin/routes.py."""

from __future__ import annotations

import dataclasses
from functools import cache, partial
from pathlib import Path

import jinja2
from tornado.routing import URLSpec
from tornado.web import Application

from handlers.admin.assets import Assets, VersionedAssetHandler
from handlers.admin.base import AdminContext, xsrf_cookie
from handlers.admin.routes import admin_routes
from handlers.api import auth, calls, feed, health, own_account, users
from handlers.app_context import AppContext
from handlers.application import RollcallApplication
from handlers.base import HandlerContext, NotFoundHandler
from handlers.docs import documents, pages
from handlers.docs.asyncapi import asyncapi
from handlers.docs.client_package import ClientPackageHandler, client_package
from handlers.docs.docs_pages import DocsPages
from handlers.docs.openapi import openapi
from handlers.logs import log_request
from handlers.page_templates import page_templates
from handlers.server_api import access as server_access
from handlers.server_api import calls as server_calls
from handlers.server_api import status as server_status
from handlers.server_api import users as server_users
from handlers.server_api.base import ServerContext
from handlers.server_api.batch import BATCH_PATH, BatchHandler
from handlers.server_api.key_audit import KeyAudit
from handlers.sockets import users as sockets
from handlers.sockets.direct_upgrades import DirectUpgrades
from handlers.traffic import Traffic
from realtime.protocol import Channel

HERE = Path(__file__).resolve().parent.parent


def routes(app: AppContext) -> list[URLSpec]:
    """All URLs, with the collaborators of their handlers."""
    templates = page_templates()
    assets = page_assets()
    return [
        *_pages(app, templates, assets),
        *_api(app),
        *_server_api(app),
        *_sockets(app),
        *admin_routes(app, _admin_context(app, templates, assets)),
    ]


@cache
def page_assets() -> Assets:
    """The files that pages load."""
    return Assets(HERE / "static", HERE / "templates" / "admin")


def _pages(app: AppContext, templates: jinja2.Environment, assets: Assets) -> list[URLSpec]:
    """Pages for people, and the descriptions of the API."""
    core, context, static = app.core, app.context, str(HERE / "static")
    for_docs = {"context": context, "templates": templates, "docs_pages": DocsPages(HERE)}
    of_http, of_sockets = (documents.description(partial(make, app.settings)) for make in (openapi, asyncapi))
    return [
        URLSpec(r"/", pages.HomeHandler, {"context": context, "templates": templates, "stats": core.stats}),
        URLSpec(
            r"/static/v/([0-9a-f]+)/(.*)", VersionedAssetHandler, {"context": context, "path": static, "assets": assets}
        ),
        URLSpec(
            r"/static/rollcall-client\.tgz",
            ClientPackageHandler,
            {"context": context, "package": cache(client_package)},
        ),
        URLSpec(r"/static/(.*)", pages.AssetHandler, {"context": context, "path": static}),
        URLSpec(r"/docs", documents.DocsHandler, for_docs),
        URLSpec(r"/docs/(.*)", documents.DocsHandler, for_docs),
        URLSpec(r"/openapi\.json", documents.DescriptionHandler, {"context": context, "description": of_http}),
        URLSpec(r"/asyncapi\.json", documents.DescriptionHandler, {"context": context, "description": of_sockets}),
    ]


def _api(app: AppContext) -> list[URLSpec]:
    """The HTTP API for apps, and health."""
    core, context, settings = app.core, app.context, app.settings
    for_auth = {
        "context": context, "accounts": app.accounts, "membership": core.membership, "settlement": core.settlement,
        "ticket_seconds": settings.ticket_seconds,
    }  # fmt: skip
    for_users = {
        "context": context, "presence": core.presence, "registry": core.registry,
        "settlement": core.settlement, "membership": core.membership,
        "batch_limit": settings.presence_batch_limit,
    }  # fmt: skip
    for_password = {
        "context": context, "password_changes": app.password_changes, "revocations": core.revocations,
    }  # fmt: skip
    for_account = {**for_users, "password_changes": app.password_changes}
    for_feed = {"context": context, "registry": core.registry, "stats": core.stats}
    for_calls = {
        "context": context,
        "switchboard": core.switchboard,
        "calls": app.stores.calls,
        "registry": core.registry,
    }
    return [
        URLSpec(r"/auth/register", auth.RegisterHandler, for_auth),
        URLSpec(r"/auth/login", auth.LoginHandler, for_auth),
        URLSpec(r"/auth/refresh", auth.RefreshHandler, for_auth),
        URLSpec(r"/auth/logout", auth.LogoutHandler, for_auth),
        URLSpec(r"/auth/ticket", auth.TicketHandler, for_auth),
        URLSpec(r"/users/me", own_account.MyAccountHandler, for_account),
        URLSpec(r"/users/me/password", own_account.MyPasswordHandler, for_password),
        URLSpec(r"/users/me/status", users.MyStatusHandler, for_users),
        URLSpec(r"/users/me/heartbeat", users.MyHeartbeatHandler, for_users),
        URLSpec(r"/users/presence", users.UsersPresenceHandler, for_users),
        URLSpec(r"/users/([^/]+)/presence", users.UserPresenceHandler, for_users),
        URLSpec(r"/feed/users", feed.FeedUsersHandler, for_feed),
        URLSpec(r"/feed/stats", feed.FeedStatsHandler, for_feed),
        URLSpec(r"/calls/start", calls.StartHandler, for_calls),
        URLSpec(r"/calls/end", calls.EndHandler, for_calls),
        URLSpec(r"/calls/ongoing", calls.OngoingHandler, for_calls),
        URLSpec(r"/calls/history", calls.CallHistoryHandler, for_calls),
        *_health(app, context),
    ]


def _server_api(app: AppContext) -> list[URLSpec]:
    """The HTTP API for backends."""
    core = app.core
    audit = KeyAudit(app.stores.audit, core.environment.clock, core.limits.refused_actions)
    given = {"server": ServerContext(app.context, core, app.stores, app.accounts, audit)}
    user = r"/server/users/([^/]+)"
    return [
        URLSpec(r"/server/users", server_users.ServerUsersHandler, given),
        URLSpec(BATCH_PATH, BatchHandler, given),
        URLSpec(user, server_users.ServerUserHandler, given),
        URLSpec(user + "/disable", server_access.DisableHandler, given),
        URLSpec(user + "/enable", server_access.EnableHandler, given),
        URLSpec(user + "/status", server_status.UserStatusHandler, given),
        URLSpec(user + "/token", server_access.UserTokenHandler, given),
        URLSpec(user + "/revoke_tokens", server_access.RevokeTokensHandler, given),
        URLSpec(user + "/disconnect", server_access.DisconnectHandler, given),
        URLSpec(user + "/calls/ongoing", server_calls.ServerOngoingHandler, given),
        URLSpec(user + "/calls/history", server_calls.ServerCallHistoryHandler, given),
        URLSpec(r"/server/calls/start", server_calls.ServerCallStartHandler, given),
        URLSpec(r"/server/calls/end", server_calls.ServerCallEndHandler, given),
    ]


def _health(app: AppContext, context: HandlerContext) -> list[URLSpec]:
    """What monitoring asks for."""
    for_health = {
        "context": context, "database": app.database, "admission": app.core.admission, "metrics": app.metrics,
        "node": app.core.node,
    }  # fmt: skip
    return [
        URLSpec(r"/healthz", health.AliveHandler, for_health),
        URLSpec(r"/readyz", health.ReadyHandler, for_health),
        URLSpec(r"/metrics", health.MetricsHandler, for_health),
    ]


CHANNELS: dict[str, Channel] = {"/ws/feed": "feed", "/ws/presence": "presence"}
"""The sockets for apps."""


def _sockets(app: AppContext) -> list[URLSpec]:
    """The sockets for apps, when something is wrong with the upgrade or it needs a ticket."""
    core = app.core
    for_sockets = {
        "context": app.context, "admission": core.admission, "commands": core.commands,
        "counters": core.counters,
    }  # fmt: skip
    return [
        URLSpec(path, sockets.SocketHandler, {**for_sockets, "channel": channel}) for path, channel in CHANNELS.items()
    ]


def direct_upgrades(app: AppContext) -> DirectUpgrades:
    """The sockets for apps, in all other cases."""
    core = app.core
    return DirectUpgrades(app.context, CHANNELS, core.admission, core.commands, core.counters)


def _admin_context(app: AppContext, templates: jinja2.Environment, assets: Assets) -> AdminContext:
    """What every page of the dashboard needs."""
    return AdminContext(
        app.context, app.operator_auth, templates, assets, app.core.environment.clock, app.settings,
        app.stores.saved_filters,
    )  # fmt: skip


def make_application(app: AppContext) -> RollcallApplication:
    """The Tornado application. Compression and Tornado's own pings are off; see docs/decisions."""
    return RollcallApplication(
        routes(app),
        default_handler_class=NotFoundHandler,
        default_handler_args={"context": app.context},
        log_function=partial(log_request, app.context.origins),
        xsrf_cookies=True,
        xsrf_cookie_name=xsrf_cookie(has_tls=bool(app.settings.tls_certificate)),
        cross_origin_protection=True,
        websocket_max_message_size=app.settings.message_limit_bytes,
        websocket_ping_interval=0,
    )


def make_probe_application(app: AppContext) -> Application:
    """The Tornado application of the port for probes. It counts no traffic, and so answers while the server drains."""
    context = dataclasses.replace(app.context, traffic=Traffic())
    return Application(
        _health(app, context),
        default_handler_class=NotFoundHandler,
        default_handler_args={"context": context},
        log_function=partial(log_request, context.origins),
    )
