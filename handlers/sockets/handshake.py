"""Handshake: what RFC 6455 §4.2 requires of an upgrade request, refused with a JSON error, and of its answer."""

from __future__ import annotations

import base64
import binascii
import hashlib

from tornado.httputil import HTTPServerRequest

from models.errors import Invalid

KEY_BYTES = 16
"""Of the nonce in Sec-WebSocket-Key, RFC 6455 §4.1."""

VERSION = "13"
"""The only version of the protocol that is not a draft."""

SUBPROTOCOL = "rollcall.v1"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 §1.3."""


def check_handshake(request: HTTPServerRequest) -> None:
    """Raises Invalid for a request that is not an upgrade to WebSocket. The version is for the caller to check."""
    headers = request.headers
    if headers.get("Upgrade", "").lower() != "websocket":
        raise Invalid("This URL only accepts WebSocket connections.")
    if "upgrade" not in (option.strip().lower() for option in headers.get("Connection", "").split(",")):
        raise Invalid("The Connection header must be Upgrade.")
    if request.version != "HTTP/1.1":
        raise Invalid("An upgrade to WebSocket needs HTTP/1.1.")
    if not _is_key(headers.get("Sec-WebSocket-Key", "")):
        raise Invalid(f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in Base64.")


def has_version(request: HTTPServerRequest) -> bool:
    """Whether the request is for the version of the protocol that the server speaks."""
    return request.headers.get("Sec-WebSocket-Version") == VERSION


def answer_to(request: HTTPServerRequest) -> dict[str, str]:
    """The headers that accept an upgrade, in the case in which Tornado writes them.

    In the subprotocols `rollcall.v1, bearer.<token>`, the second only carries a token.
    """
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    headers = {"Sec-Websocket-Protocol": SUBPROTOCOL} if SUBPROTOCOL in map(str.strip, offered.split(",")) else {}
    digest = hashlib.sha1(request.headers["Sec-WebSocket-Key"].encode() + _GUID, usedforsecurity=False).digest()
    accept = base64.b64encode(digest).decode()
    return {**headers, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Accept": accept}


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False
