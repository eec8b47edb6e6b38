"""App context: the parts of the server that routes pass to their handlers."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.api.metrics import Metrics
from handlers.base import HandlerContext
from models.accounts import Accounts
from models.database import Database
from models.operator_auth import OperatorAuth
from models.password_changes import PasswordChanges
from models.screen_auth import ScreenAuth
from models.stores import Stores
from realtime.core import Core
from realtime.dashboard.fleet import Fleet
from settings import Settings


@dataclass(frozen=True)
class AppContext:
    """Everything that a handler may need, made once for each server."""

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
