"""Handshake: what RFC 6455 §4.2 requires of an upgrade request, refused with a JSON error, and of its answer."""

from __future__ import annotations

import binascii
import hashlib
import re

from handlers.request_heads import RequestHead
from models.errors import Invalid

KEY_BYTES = 16
"""Of the nonce in Sec-WebSocket-Key, RFC 6455 §4.1."""

VERSION = "13"
"""The only version of the protocol that is not a draft."""

SUBPROTOCOL = "rollcall.v1"

ACCEPT, SUBPROTOCOL_HEADER = "Sec-Websocket-Accept", "Sec-Websocket-Protocol"

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
"""So many bytes in Base64."""

ACCEPTED = {"Upgrade": "websocket", "Connection": "Upgrade"}
"""The headers that accept any upgrade."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 §1.3."""


def check_handshake(request: RequestHead) -> None:
    """Raises Invalid for a request that is not an upgrade to WebSocket. The version is for the caller to check."""
    headers = request.headers
    if headers.get("upgrade", "").lower() != "websocket":
        raise Invalid("This URL only accepts WebSocket connections.")
    options = headers.get("connection", "").lower()
    if options != "upgrade" and "upgrade" not in map(str.strip, options.split(",")):
        raise Invalid("The Connection header must be Upgrade.")
    if request.version != "HTTP/1.1":
        raise Invalid("An upgrade to WebSocket needs HTTP/1.1.")
    if not has_key(request):
        raise Invalid(f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in Base64.")


def has_key(request: RequestHead) -> bool:
    """Whether the client sent a nonce."""
    return _KEY.fullmatch(request.headers.get("sec-websocket-key", "")) is not None


def has_version(request: RequestHead) -> bool:
    """Whether the request is for the version of the protocol that the server speaks."""
    return request.headers.get("sec-websocket-version") == VERSION


def answer_to(request: RequestHead) -> dict[str, str]:
    """The headers that accept an upgrade, in the case in which Tornado writes them."""
    chosen = chosen_subprotocol(request)
    return {**ACCEPTED, ACCEPT: accept_value(request), **({} if chosen is None else {SUBPROTOCOL_HEADER: chosen})}


def accept_value(request: RequestHead) -> str:
    """What shows that the server has read the nonce."""
    digest = hashlib.sha1(request.headers.get("sec-websocket-key", "").encode() + _GUID, usedforsecurity=False).digest()
    return binascii.b2a_base64(digest, newline=False).decode()


def chosen_subprotocol(request: RequestHead) -> str | None:
    """The subprotocol that the server speaks if the client offers it.

    In the subprotocols `rollcall.v1, bearer.<token>`, the second only carries a token.
    """
    offered = request.headers.get("sec-websocket-protocol", "")
    return SUBPROTOCOL if offered and SUBPROTOCOL in map(str.strip, offered.split(",")) else None
