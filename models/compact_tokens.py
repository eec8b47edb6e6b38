"""Compact tokens: the header and the claims of a JWT, read strictly, before its signature is verified."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NamedTuple

from models.errors import Unauthenticated

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class CompactToken(NamedTuple):
    """What a token says before anybody knows whether it is true."""

    header: dict[str, Any]
    claims: dict[str, Any]


def read_token(token: str) -> CompactToken:
    """The header and the claims of a token. Raises Unauthenticated.

    Two parsers read a repeated name or a padded segment in two ways, so neither is accepted.
    """
    if not _SHAPE.fullmatch(token):
        raise Unauthenticated
    header, claims, signature = token.split(".")
    try:
        base64url(signature)
        found = read_object(base64url(header)), read_object(base64url(claims))
    except ValueError:
        raise Unauthenticated from None
    return CompactToken(*found)


def issuer_of(token: str) -> object:
    """The issuer that a token names, whatever it is worth, or None."""
    try:
        return read_token(token).claims.get("iss")
    except Unauthenticated:
        return None


def base64url(text: str) -> bytes:
    """The bytes that a text stands for, in the one spelling that RFC 7515 allows. Raises ValueError."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode() != text:
        raise ValueError("another spelling of base64url")
    return content


def read_object(content: bytes) -> dict[str, Any]:
    """A JSON object whose names are all different. Raises ValueError."""
    try:
        found = json.loads(content.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refuse(name: str) -> Any:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError(f"{name} is no JSON")
