"""Health: whether the process lives, whether it can serve, and its numbers."""

from __future__ import annotations

from typing import Literal

import msgspec

from handlers.api.metrics import Metrics
from handlers.base import ApiHandler, HandlerContext
from models.database import Database
from models.errors import Overloaded
from realtime.sockets.admission import Admission


class Alive(msgspec.Struct, frozen=True):
    """Answer of GET /healthz."""

    status: Literal["alive"] = "alive"


class Ready(msgspec.Struct, frozen=True):
    """Answer of GET /readyz."""

    status: Literal["ready"] = "ready"


class HealthHandler(ApiHandler):
    """What the handlers of health share."""

    def initialize(self, context: HandlerContext, database: Database, admission: Admission, metrics: Metrics) -> None:
        """Collaborators come from the route."""
        self.set_up(context)
        self.database = database
        self.admission = admission
        self.metrics = metrics


class AliveHandler(HealthHandler):
    """GET /healthz"""

    def check_origins(self) -> None:
        """A probe calls the server by whatever address it has."""

    def get(self) -> None:
        """The process answers, so it is alive."""
        self.answer(Alive())


class ReadyHandler(HealthHandler):
    """GET /readyz"""

    def check_origins(self) -> None:
        """As for /healthz."""

    async def get(self) -> None:
        """The store is reachable and the server is not draining, or 503."""
        if self.admission.closing:
            raise Overloaded("The server is draining")
        await self.database.ping()
        self.answer(Ready())


class MetricsHandler(HealthHandler):
    """GET /metrics"""

    def get(self) -> None:
        """Prometheus' text format."""
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(self.metrics.text())
