"""HTTP servers: one for clients and operators, one for probes, both with the limits of the settings."""

from __future__ import annotations

from tornado.web import Application

from handlers.admin.early_errors import EarlyErrors
from handlers.http_server import RollcallHTTPServer
from handlers.origins import Origins
from handlers.page_templates import page_templates
from handlers.routes import page_assets
from handlers.server_api.batch import BATCH_PATH
from handlers.sockets.direct_upgrades import DirectUpgrades
from handlers.traffic import Traffic
from operation.tls import tls_context
from settings import Settings


def http_server(
    settings: Settings,
    application: Application,
    traffic: Traffic,
    origins: Origins,
    upgrades: DirectUpgrades | None = None,
) -> RollcallHTTPServer:
    """A server that listens nowhere yet. With `upgrades`, it opens sockets without a handler."""
    server = RollcallHTTPServer(
        application,
        ssl_options=tls_context(settings),
        max_header_size=settings.header_limit_bytes,
        max_body_size=settings.body_limit_bytes,
        idle_connection_timeout=settings.header_timeout_seconds,
        body_timeout=settings.body_timeout_seconds,
    )
    body_limits = {BATCH_PATH: settings.batch_body_limit_bytes}
    server.set_up(traffic, origins, upgrades, body_limits, EarlyErrors(page_templates(), page_assets()))
    return server
