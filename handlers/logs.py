"""Logs: one JSON line for each event, without tokens or passwords."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from tornado.web import RequestHandler

SLOW_SECONDS = 1.0
"""Successful requests that take longer are logged at info level, too."""

_SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]*"  # a JWT, anywhere
    r"|(?<=token=)[^&\s\"']+|(?<=ticket=)[^&\s\"']+"
    r"|(?i:(?<=bearer )|(?<=bearer\.))[^\s\"',]+"
    r"|(?<=://)[^/\s@]+@"  # user and password in a URL
)

_log = structlog.stdlib.get_logger("rollcall.http")


def redact(text: str) -> str:
    """The text without tokens, tickets and passwords."""
    return _SECRETS.sub("[redacted]", text)


def _redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A safeguard: our own events contain no secrets, but those of libraries might."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


def set_up_logs(level: str) -> None:
    """Write all log events to stderr as JSON lines, including those of libraries."""
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
    # Tornado logs every malformed request together with what the client sent; a flood of them would fill the log.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    # At debug level it logs every step of parsing a page.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


def log_request(handler: RequestHandler) -> None:
    """Log one line for a request, without its query, headers and body. Successful requests are logged at debug level.

    So are answers with 503: while the store is down every write gets one, and the start of the outage is logged.
    """
    status, seconds = handler.get_status(), handler.request.request_time()
    is_notable = status != 503 and (status >= 400 or seconds > SLOW_SECONDS)
    level = logging.INFO if is_notable else logging.DEBUG
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
