"""Logs: one JSON line for each event, whatever stands in it, and never a token."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from tornado.web import RequestHandler

SLOW_SECONDS = 1.0
"""A request that took longer is logged even when all went well."""

_SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]*"  # a JWT, wherever it stands
    r"|(?<=token=)[^&\s\"']+|(?<=ticket=)[^&\s\"']+"
    r"|(?i:(?<=bearer )|(?<=bearer\.))[^\s\"',]+"
    r"|(?<=://)[^/\s@]+@"  # user and password in a URL
)

_log = structlog.stdlib.get_logger("rollcall.http")


def redact(text: str) -> str:
    """The text without tokens, tickets and passwords."""
    return _SECRETS.sub("[redacted]", text)


def _redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing we log holds a secret; this is for the lines of libraries, and for mistakes."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


def set_up_logs(level: str) -> None:
    """Send everything, libraries' lines included, to stderr as JSON lines."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _redact_event,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Each malformed request is a line of Tornado's own, with what the client sent; a flood of them is no news.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    # At debug it tells each step through each document.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


def log_request(handler: RequestHandler) -> None:
    """One line a request: no query, no headers, no body. Those that went well only in debug.

    So are answers of 503: while the store is down every write gets one, and the outage was logged when it began.
    """
    status, seconds = handler.get_status(), handler.request.request_time()
    is_news = status != 503 and (status >= 400 or seconds > SLOW_SECONDS)
    level = logging.INFO if is_news else logging.DEBUG
    if level >= logging.getLogger().level:
        _log.log(
            level,
            "request",
            request_id=getattr(handler, "request_id", None),
            method=handler.request.method,
            path=handler.request.path,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            address=handler.request.remote_ip,
        )
