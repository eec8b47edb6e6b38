"""Refusals: a log line for each upgrade that was refused."""

from __future__ import annotations

import structlog

from handlers.logs import short
from handlers.origins import SETTING_THAT_ALLOWS, Origins
from handlers.request_heads import RequestHead

_log = structlog.stdlib.get_logger("rollcall.sockets")


def log_refusal(
    origins: Origins, request: RequestHead, request_id: str, code: str | int, reason: str, setting: str = ""
) -> None:
    """Say what the client asked for and which setting would allow it: the client itself can't see either."""
    _log.info(
        "upgrade refused",
        request_id=request_id,
        path=short(request.path),
        code=code if isinstance(code, str) else int(code),
        reason=reason,
        host=short(request.headers.get("host", "")),
        origin=short(request.headers.get("origin", "")),
        setting=setting or SETTING_THAT_ALLOWS.get(code),
        address=origins.address(request),
    )
