"""Health: whether the process is alive and ready, and its metrics."""

from __future__ import annotations

from typing import Literal

import msgspec

from handlers.api.metrics import Metrics
from handlers.base import ApiHandler, HandlerContext
from models.database import Database
from models.errors import Overloaded
from realtime.cluster.node import Node
from realtime.sockets.admission import Admission


class Alive(msgspec.Struct, frozen=True):
    """Response of GET /healthz."""

    status: Literal["alive"] = "alive"


class Ready(msgspec.Struct, frozen=True):
    """Response of GET /readyz."""

    status: Literal["ready"] = "ready"


class ReadyWithoutRedis(Ready, frozen=True):
    """Response of GET /readyz while Redis is down. If that made servers unready, all of them would be at once."""

    redis: Literal["down"] = "down"


class HealthHandler(ApiHandler):
    """What the handlers of health have in common."""

    def initialize(
        self,
        context: HandlerContext,
        database: Database,
        admission: Admission,
        node: Node | None,
        metrics: Metrics,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.node = node
        self.database = database
        self.admission = admission
        self.metrics = metrics


class AliveHandler(HealthHandler):
    """GET /healthz"""

    def check_origins(self) -> None:
        """A probe may use any host name."""

    def get(self) -> None:
        """Answer, which shows that the process is alive."""
        self.answer(Alive())


class ReadyHandler(HealthHandler):
    """GET /readyz"""

    def check_origins(self) -> None:
        """A probe may use any host name."""

    async def get(self) -> None:
        """Answer if the store is reachable and the server is not draining. Raises Overloaded, StoreUnavailable."""
        if self.admission.closing:
            raise Overloaded("The server is shutting down.")
        if self.admission.is_cut_off:
            raise Overloaded("The server is cut off from Redis, which other servers reach.")
        await self.database.ping()
        is_down = self.node is not None and not self.node.is_connected
        self.answer(ReadyWithoutRedis() if is_down else Ready())


class MetricsHandler(HealthHandler):
    """GET /metrics"""

    def get(self) -> None:
        """Answer with the metrics in Prometheus' text format."""
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(self.metrics.text())
