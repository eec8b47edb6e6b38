"""Routes: every URL on one page."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import jinja2
from tornado.routing import URLSpec
from tornado.web import Application

from handlers.admin import (
    account_actions,
    actions,
    attention,
    board,
    history,
    live,
    login,
    operators,
    own_sign_ins,
    preferences,
    screen,
    screens,
    system,
    webhooks,
)
from handlers.admin import calls as admin_calls
from handlers.admin import users as admin_users
from handlers.admin.action_runner import ActionRunner
from handlers.admin.assets import Assets, VersionedAssetHandler
from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, NothingHandler, xsrf_cookie
from handlers.admin.confirmation import Confirmations
from handlers.admin.list_choices import ColumnsHandler
from handlers.admin.past_boards import PastBoards
from handlers.admin.saved_filters import SavedFiltersHandler
from handlers.admin.socket import OperatorSocketHandler, ScreenSocketHandler
from handlers.admin.socket_subjects import SocketSubjects
from handlers.admin.user_day import UserStatesCsvHandler, UserTotalsCsvHandler
from handlers.admin.user_past import UserPasts
from handlers.api import auth, calls, feed, health, own_account, users
from handlers.api.metrics import Metrics
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
from models.accounts import Accounts
from models.database import Database
from models.operator_auth import OperatorAuth
from models.password_changes import PasswordChanges
from models.screen_auth import ScreenAuth
from models.stores import Stores
from realtime.core import Core
from realtime.dashboard.fleet import Fleet
from realtime.protocol import Channel
from settings import Settings

HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class AppContext:
    """The parts of the server that routes pass to their handlers."""

    settings: Settings
    context: HandlerContext
    core: Core
    stores: Stores
    accounts: Accounts
    password_changes: PasswordChanges
    operator_auth: OperatorAuth
    screen_auth: ScreenAuth
    database: Database
    metrics: Metrics
    fleet: Fleet | None


def routes(app: AppContext) -> list[URLSpec]:
    """All URLs, with the collaborators of their handlers."""
    templates = page_templates()
    assets = _assets()
    return [
        *_pages(app, templates, assets),
        *_api(app),
        *_server_api(app),
        *_sockets(app),
        *_admin(app, _admin_context(app, templates, assets)),
    ]


@cache
def _assets() -> Assets:
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


def _admin(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """The operators' dashboard, its actions and its socket."""
    core, stores, clock = app.core, app.stores, app.core.environment.clock
    for_sign_in = {
        "admin": admin,
        "operator_sessions": core.operator_sessions,
        "audit_log": AuditLog(stores.audit, clock),
    }
    for_overview = {"admin": admin, "overview": core.overview}
    for_overview_data = {"admin": admin, "operator_sessions": core.operator_sessions}
    for_day = {**for_overview, "user_pasts": UserPasts(stores, core.overview, core.registry, clock, app.settings)}
    for_user = {**for_day, "stores": stores, "sharing": core.session_sharing}
    for_screen = {**for_overview, "screen_auth": app.screen_auth, "audit_log": for_sign_in["audit_log"]}
    for_screens = {**for_sign_in, "screen_auth": app.screen_auth, "overview": core.overview}
    for_live = {**for_overview, "feed": core.overview_feed, "stores": stores}
    for_calls = {**for_overview, "stores": stores, "registry": core.registry}
    for_history = {"admin": admin, "stores": stores, "registry": core.registry}
    for_board = {"admin": admin, "past_boards": PastBoards(core, stores), "registry": core.registry}
    for_operators = {**for_sign_in, "operators": stores.operators, "audit": stores.audit}
    action_runner = ActionRunner(
        core.actions, stores.audit, clock, core.registry, core.switchboard, core.limits.refused_actions
    )
    for_actions = {
        "admin": admin, "confirmations": Confirmations(core.actions, core.overview), "action_runner": action_runner,
        "targets_limit": app.settings.action_targets_limit,
    }  # fmt: skip
    for_accounts = {
        "admin": admin, "confirmations": for_actions["confirmations"], "action_runner": action_runner,
        "password_changes": app.password_changes,
    }  # fmt: skip
    for_attention = {
        "admin": admin, "open_issues": core.open_issues, "acknowledgements": core.acknowledgements,
        "audit": stores.audit, "refused_actions": core.limits.refused_actions,
    }  # fmt: skip
    for_system = {
        "admin": admin, "core": core, "runtime_stats": app.metrics.runtime_stats, "database": app.database,
        "settings": app.settings, "fleet": app.fleet, "stores": stores,
    }  # fmt: skip
    for_socket = {
        "admin": admin, "operator_sessions": core.operator_sessions, "commands": core.operator_commands,
        "counters": core.counters,
    }  # fmt: skip
    return [
        URLSpec(r"/admin/login", login.OperatorLoginHandler, for_sign_in),
        URLSpec(r"/admin/logout", login.OperatorLogoutHandler, for_sign_in),
        URLSpec(r"/admin", live.LiveHandler, for_live),
        URLSpec(r"/admin/wall", live.WallHandler, for_overview),
        URLSpec(r"/admin/samples", live.SamplesHandler, for_live),
        URLSpec(r"/admin/overview", live.OverviewDataHandler, for_overview_data),
        URLSpec(r"/admin/users", admin_users.AdminUsersHandler, for_overview),
        URLSpec(r"/admin/users/([^/]+)", admin_users.AdminUserHandler, for_user),
        URLSpec(r"/admin/users/([^/]+)/day\.csv", UserStatesCsvHandler, for_day),
        URLSpec(r"/admin/users/([^/]+)/totals\.csv", UserTotalsCsvHandler, for_day),
        URLSpec(r"/admin/calls", admin_calls.AdminCallsHandler, for_calls),
        URLSpec(r"/admin/calls\.csv", admin_calls.CallsCsvHandler, for_calls),
        URLSpec(r"/admin/calls/([^/]+)", admin_calls.AdminCallHandler, for_calls),
        URLSpec(r"/admin/events", history.EventsHandler, for_history),
        URLSpec(r"/admin/events\.csv", history.EventsCsvHandler, for_history),
        URLSpec(r"/admin/board", board.BoardHandler, for_board),
        URLSpec(r"/admin/audit", history.AuditHandler, for_history),
        URLSpec(r"/admin/audit\.csv", history.AuditCsvHandler, for_history),
        URLSpec(r"/admin/actions", actions.ActionsHandler, for_actions),
        URLSpec(r"/admin/accounts", account_actions.AccountActionsHandler, for_accounts),
        URLSpec(r"/admin/actions/progress", actions.ProgressHandler, {"admin": admin, "action_runner": action_runner}),
        URLSpec(r"/admin/attention", attention.AttentionHandler, for_attention),
        URLSpec(r"/admin/operators", operators.OperatorsHandler, for_operators),
        URLSpec(r"/admin/operators/([^/]+)", operators.OperatorHandler, for_operators),
        URLSpec(r"/admin/screens", screens.ScreensHandler, for_screens),
        URLSpec(r"/admin/screens/([^/]+)", screens.ScreenChangeHandler, for_screens),
        URLSpec(r"/admin/screen", screen.ScreenPageHandler, for_screen),
        URLSpec(
            r"/admin/screen/overview",
            screen.ScreenOverviewHandler,
            {**for_overview_data, "screen_auth": app.screen_auth},
        ),
        URLSpec(r"/admin/password", own_sign_ins.PasswordHandler, for_sign_in),
        URLSpec(r"/admin/sign-ins", own_sign_ins.SignInsHandler, for_sign_in),
        URLSpec(r"/admin/time-zone", preferences.TimeZoneHandler, {"admin": admin}),
        URLSpec(r"/admin/columns", ColumnsHandler, {"admin": admin}),
        URLSpec(r"/admin/saved-filters", SavedFiltersHandler, {"admin": admin}),
        URLSpec(r"/admin/system", system.SystemHandler, for_system),
        URLSpec(
            r"/admin/webhooks",
            webhooks.WebhooksHandler,
            {"admin": admin, "stores": stores, "audit_log": AuditLog(stores.audit, clock)},
        ),
        URLSpec(r"/admin/(.*)", NothingHandler, {"admin": admin}),
        URLSpec(
            r"/ws/operators",
            OperatorSocketHandler,
            {**for_socket, "subjects": SocketSubjects(stores, core.registry)},
        ),
        URLSpec(r"/ws/screens", ScreenSocketHandler, {**for_socket, "screen_auth": app.screen_auth}),
    ]


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
