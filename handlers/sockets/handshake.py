"""Handshake: what RFC 6455 §4.2.1 requires of an upgrade request, refused with a JSON error."""

from __future__ import annotations

import base64
import binascii

from tornado.httputil import HTTPServerRequest

from models.errors import Invalid

KEY_BYTES = 16
"""Of the nonce in Sec-WebSocket-Key, RFC 6455 §4.1."""


def check_handshake(request: HTTPServerRequest) -> None:
    """Raises Invalid for a request that is not an upgrade to WebSocket. Tornado checks the version afterwards."""
    headers = request.headers
    if headers.get("Upgrade", "").lower() != "websocket":
        raise Invalid("This URL only accepts WebSocket connections.")
    if "upgrade" not in (option.strip().lower() for option in headers.get("Connection", "").split(",")):
        raise Invalid("The Connection header must be Upgrade.")
    if request.version != "HTTP/1.1":
        raise Invalid("An upgrade to WebSocket needs HTTP/1.1.")
    if not _is_key(headers.get("Sec-WebSocket-Key", "")):
        raise Invalid(f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in Base64.")


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False
