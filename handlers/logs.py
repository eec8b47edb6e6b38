"""Logs: one JSON line for each event, without tokens or passwords."""

from __future__ import annotations

import atexit
import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from tornado.web import RequestHandler

from handlers.log_writer import LogHandler, LogWriter, write_to
from handlers.origins import Origins
from handlers.request_heads import RequestHead

SLOW_SECONDS = 1.0
"""Successful requests that take longer are logged at info level, too."""

STDERR = 2
"""The file descriptor of standard error."""

SHORT_LENGTH = 200
"""Longest text of a client's choice, such as a path, that a line contains."""

TEXT_LENGTH = 16 * 1024
"""Longest text of any kind, such as a traceback, that a line contains."""

_WORDS = re.compile(r"[A-Za-z0-9_.-]+")
"""Runs of the characters of which a JWT consists."""

_SECRETS = re.compile(
    r"(?<=token=)[^&\s\"']+|(?<=ticket=)[^&\s\"']+"
    r"|(?i:(?<=bearer )|(?<=bearer\.))[^\s\"',]+"
    r"|(?<=://)[^/\s@]+@"  # user and password in a URL
    r"|rk_[0-9A-Za-z]{8,}"  # a service key
)
"""No part of a text is read for two matches that fail, so the time is linear in the length of the text."""

_root = logging.getLogger()
_log = structlog.stdlib.get_logger("rollcall.http")


def redact(text: str) -> str:
    """The text without tokens, tickets, keys and passwords. Takes time in proportion to the length of the text."""
    return _SECRETS.sub("[redacted]", _WORDS.sub(_without_jwt, text))


def short(text: str) -> str:
    """The beginning of a text of a client's choice, without secrets."""
    beginning = redact(text[: 4 * SHORT_LENGTH])
    return beginning if len(beginning) <= SHORT_LENGTH else beginning[: SHORT_LENGTH - 1] + "…"


def _without_jwt(word: re.Match[str]) -> str:
    """A word up to the first JWT in it. A single search for `eyJ` and one for a dot behind it cannot be slow."""
    text = word[0]
    start = text.find("eyJ")
    return text if start < 0 or text.find(".", start) < 0 else text[:start] + "[redacted]"


def _redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A safeguard: our own events contain no secrets, but those of libraries might."""
    for key, value in event.items():
        if isinstance(value, str):
            safe = redact(value)
            event[key] = safe if len(safe) <= TEXT_LENGTH else safe[:TEXT_LENGTH] + "…"
    return event


def set_up_logs(level: str) -> None:
    """Write all log events to stderr as JSON lines, including those of libraries, without ever waiting for a reader."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
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
    writer = LogWriter(write_to(STDERR))
    atexit.register(writer.close)
    handler = LogHandler(writer)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Tornado logs every malformed request together with what the client sent; a flood of them would fill the log.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    # At debug level it logs the documents that it sends, with the hashes of passwords.
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    # At debug level it logs every step of parsing a page.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


def log_request(origins: Origins, handler: RequestHandler) -> None:
    """Log one line for a request that a handler has answered."""
    request_id, setting = getattr(handler, "request_id", None), getattr(handler, "limiting_setting", "")
    log_answer(origins, handler.request, request_id, handler.get_status(), setting)


def log_answer(origins: Origins, request: RequestHead, request_id: str | None, status: int, setting: str = "") -> None:
    """Log one line for a request, without its query, headers and body. Successful requests are logged at debug level.

    So are answers with 503: while the store is down every write gets one, and the start of the outage is logged.
    """
    seconds = request.request_time()
    is_notable = status != 503 and (status >= 400 or seconds > SLOW_SECONDS)
    level = logging.INFO if is_notable else logging.DEBUG
    if level >= _root.level:
        _log.log(
            level,
            "request",
            request_id=request_id,
            method=short(str(request.method)),
            path=short(request.path),
            status=status,
            milliseconds=round(seconds * 1000, 1),
            address=origins.address(request),
            **({"setting": setting} if setting else {}),
        )
