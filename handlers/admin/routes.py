"""Routes of the dashboard: every URL below /admin, and its sockets."""

from __future__ import annotations

from tornado.routing import URLSpec

from handlers.admin import (
    account_actions,
    actions,
    attention,
    board,
    calls,
    history,
    live,
    login,
    operators,
    own_sign_ins,
    preferences,
    screen,
    screens,
    system,
    users,
    webhooks,
)
from handlers.admin.action_runner import ActionRunner
from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, NothingHandler
from handlers.admin.confirmation import Confirmations
from handlers.admin.list_choices import ColumnsHandler
from handlers.admin.past_boards import PastBoards
from handlers.admin.saved_filters import SavedFiltersHandler
from handlers.admin.socket import OperatorSocketHandler, ScreenSocketHandler
from handlers.admin.socket_subjects import SocketSubjects
from handlers.admin.user_day import UserStatesCsvHandler, UserTotalsCsvHandler
from handlers.admin.user_past import UserPasts
from handlers.app_context import AppContext


def admin_routes(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """All URLs of the dashboard, with the collaborators of their handlers."""
    return [
        *_live(app, admin),
        *_users_and_calls(app, admin),
        *_history(app, admin),
        *_actions(app, admin),
        *_operators(app, admin),
        *_screens(app, admin),
        *_own_choices(admin),
        *_system(app, admin),
        *_sockets(app, admin),
        URLSpec(r"/admin/(.*)", NothingHandler, {"admin": admin}),
    ]


def _live(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """What is going on now."""
    core = app.core
    for_live = {"admin": admin, "overview": core.overview, "feed": core.overview_feed, "stores": app.stores}
    return [
        URLSpec(r"/admin", live.LiveHandler, for_live),
        URLSpec(r"/admin/wall", live.WallHandler, {"admin": admin, "overview": core.overview}),
        URLSpec(r"/admin/samples", live.SamplesHandler, for_live),
        URLSpec(
            r"/admin/overview", live.OverviewDataHandler, {"admin": admin, "operator_sessions": core.operator_sessions}
        ),
    ]


def _users_and_calls(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """The lists of users and calls, and the page of each."""
    core, stores = app.core, app.stores
    for_overview = {"admin": admin, "overview": core.overview}
    pasts = UserPasts(stores, core.overview, core.registry, core.environment.clock, app.settings)
    for_day = {**for_overview, "user_pasts": pasts}
    for_user = {**for_day, "stores": stores, "sharing": core.session_sharing}
    for_calls = {**for_overview, "stores": stores, "registry": core.registry}
    return [
        URLSpec(r"/admin/users", users.AdminUsersHandler, for_overview),
        URLSpec(r"/admin/users/([^/]+)", users.AdminUserHandler, for_user),
        URLSpec(r"/admin/users/([^/]+)/day\.csv", UserStatesCsvHandler, for_day),
        URLSpec(r"/admin/users/([^/]+)/totals\.csv", UserTotalsCsvHandler, for_day),
        URLSpec(r"/admin/calls", calls.AdminCallsHandler, for_calls),
        URLSpec(r"/admin/calls\.csv", calls.CallsCsvHandler, for_calls),
        URLSpec(r"/admin/calls/([^/]+)", calls.AdminCallHandler, for_calls),
    ]


def _history(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """What happened, how it was then, and what operators did."""
    for_history = {"admin": admin, "stores": app.stores, "registry": app.core.registry}
    for_board = {"admin": admin, "past_boards": PastBoards(app.core, app.stores), "registry": app.core.registry}
    return [
        URLSpec(r"/admin/events", history.EventsHandler, for_history),
        URLSpec(r"/admin/events\.csv", history.EventsCsvHandler, for_history),
        URLSpec(r"/admin/board", board.BoardHandler, for_board),
        URLSpec(r"/admin/audit", history.AuditHandler, for_history),
        URLSpec(r"/admin/audit\.csv", history.AuditCsvHandler, for_history),
    ]


def _actions(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """What operators do to users, calls and issues."""
    core, audit = app.core, app.stores.audit
    confirmations = Confirmations(core.actions, core.overview)
    action_runner = ActionRunner(
        core.actions, audit, core.environment.clock, core.registry, core.switchboard, core.limits.refused_actions
    )
    for_actions = {
        "admin": admin, "confirmations": confirmations, "action_runner": action_runner,
        "targets_limit": app.settings.action_targets_limit,
    }  # fmt: skip
    for_accounts = {
        "admin": admin, "confirmations": confirmations, "action_runner": action_runner,
        "password_changes": app.password_changes,
    }  # fmt: skip
    for_attention = {
        "admin": admin, "open_issues": core.open_issues, "acknowledgements": core.acknowledgements,
        "audit": audit, "refused_actions": core.limits.refused_actions,
    }  # fmt: skip
    return [
        URLSpec(r"/admin/actions", actions.ActionsHandler, for_actions),
        URLSpec(r"/admin/actions/progress", actions.ProgressHandler, {"admin": admin, "action_runner": action_runner}),
        URLSpec(r"/admin/accounts", account_actions.AccountActionsHandler, for_accounts),
        URLSpec(r"/admin/attention", attention.AttentionHandler, for_attention),
    ]


def _operators(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """Signing in, one's own account, and the accounts of operators."""
    for_sign_in = {**_audited(app, admin), "operator_sessions": app.core.operator_sessions}
    for_operators = {**for_sign_in, "operators": app.stores.operators, "audit": app.stores.audit}
    return [
        URLSpec(r"/admin/login", login.OperatorLoginHandler, for_sign_in),
        URLSpec(r"/admin/logout", login.OperatorLogoutHandler, for_sign_in),
        URLSpec(r"/admin/password", own_sign_ins.PasswordHandler, for_sign_in),
        URLSpec(r"/admin/sign-ins", own_sign_ins.SignInsHandler, for_sign_in),
        URLSpec(r"/admin/operators", operators.OperatorsHandler, for_operators),
        URLSpec(r"/admin/operators/([^/]+)", operators.OperatorHandler, for_operators),
    ]


def _screens(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """Screens on walls: their list, and what they show."""
    core, screen_auth = app.core, app.screen_auth
    for_screen = {**_audited(app, admin), "screen_auth": screen_auth, "overview": core.overview}
    for_screens = {**for_screen, "operator_sessions": core.operator_sessions}
    for_overview = {"admin": admin, "operator_sessions": core.operator_sessions, "screen_auth": screen_auth}
    return [
        URLSpec(r"/admin/screens", screens.ScreensHandler, for_screens),
        URLSpec(r"/admin/screens/([^/]+)", screens.ScreenChangeHandler, for_screens),
        URLSpec(r"/admin/screen", screen.ScreenPageHandler, for_screen),
        URLSpec(r"/admin/screen/overview", screen.ScreenOverviewHandler, for_overview),
    ]


def _own_choices(admin: AdminContext) -> list[URLSpec]:
    """What operators choose for themselves."""
    return [
        URLSpec(r"/admin/time-zone", preferences.TimeZoneHandler, {"admin": admin}),
        URLSpec(r"/admin/columns", ColumnsHandler, {"admin": admin}),
        URLSpec(r"/admin/saved-filters", SavedFiltersHandler, {"admin": admin}),
    ]


def _system(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """How the servers and the webhooks are."""
    for_system = {
        "admin": admin, "core": app.core, "runtime_stats": app.metrics.runtime_stats, "database": app.database,
        "settings": app.settings, "fleet": app.fleet, "stores": app.stores,
    }  # fmt: skip
    return [
        URLSpec(r"/admin/system", system.SystemHandler, for_system),
        URLSpec(r"/admin/webhooks", webhooks.WebhooksHandler, {**_audited(app, admin), "stores": app.stores}),
    ]


def _sockets(app: AppContext, admin: AdminContext) -> list[URLSpec]:
    """The sockets of live pages and of screens."""
    core = app.core
    for_socket = {
        "admin": admin, "operator_sessions": core.operator_sessions, "commands": core.operator_commands,
        "counters": core.counters,
    }  # fmt: skip
    subjects = SocketSubjects(app.stores, core.registry)
    return [
        URLSpec(r"/ws/operators", OperatorSocketHandler, {**for_socket, "subjects": subjects}),
        URLSpec(r"/ws/screens", ScreenSocketHandler, {**for_socket, "screen_auth": app.screen_auth}),
    ]


def _audited(app: AppContext, admin: AdminContext) -> dict[str, object]:
    """For handlers that write to the audit log."""
    return {"admin": admin, "audit_log": AuditLog(app.stores.audit, app.core.environment.clock)}
