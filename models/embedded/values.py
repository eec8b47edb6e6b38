"""Stored values: documents as JSON text whose fields SQLite compares and orders as MongoDB does.

Numbers, text, null, lists and nested documents are ordinary JSON. Dates and booleans are text behind a mark, the
highest code point, so that `json_extract` of a field alone (hence an index on it) tells all types apart and
orders them as MongoDB does: null, numbers, text, booleans, dates.

    date        MARK + "2026-01-31T12:00:00.123+00:00"     fixed width, UTC: orders as it reads
    boolean     MARK + "!f" or MARK + "!t"
    text that begins with the mark itself                   MARK + " " + the text
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

MARK = "\U0010ffff"
TRUE, FALSE = f"{MARK}!t", f"{MARK}!f"

# The first value above every text, and the range of dates: ":" follows "9".
AFTER_TEXT = f"{MARK}!"
BEFORE_DATES, AFTER_DATES = f"{MARK}0", f"{MARK}:"
AFTER_BOOLEANS = f'{MARK}"'

INT64 = 2**63

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def stored(value: object) -> Any:
    """The value as it stands in the JSON text.

    Raises OverflowError for an integer beyond 64 bits, as bson does, and NotImplementedError for a kind of value
    that this store does not keep.
    """
    kind = type(value)
    if kind is str:
        return _stored_text(cast("str", value))
    if kind is bool:
        return TRUE if value else FALSE
    if kind is int:
        return _stored_integer(cast("int", value))
    if value is None:
        return None
    if kind is float:
        return _stored_float(cast("float", value))
    return _stored_rarer(value)


def _stored_text(text: str) -> str:
    if "\0" in text:
        raise NotImplementedError("the embedded store keeps no text with a NUL character")
    return f"{MARK} {text}" if text >= MARK else text


def _stored_integer(number: int) -> int:
    if not -INT64 <= number < INT64:
        raise OverflowError("the store keeps integers of up to 8 bytes")
    return number


def _stored_float(number: float) -> float:
    if not math.isfinite(number):
        raise NotImplementedError("the embedded store keeps no float that is not finite")
    return number


def _stored_rarer(value: object) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotImplementedError("the embedded store keeps no datetime without a time zone")
        return MARK + value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, list | tuple):
        return [stored(item) for item in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return stored_document(cast("Mapping[str, object]", value))
    if isinstance(value, str):
        return _stored_text(str.__str__(value))
    if isinstance(value, int):
        return _stored_integer(int(value))
    raise NotImplementedError(f"the embedded store keeps no value of type {type(value).__name__}")


def stored_document(document: Mapping[str, object]) -> dict[str, Any]:
    """A document's fields as they stand in the JSON text; the caller's mapping stays as it is."""
    return {key: stored(value) for key, value in document.items()}


def check_id(value: Any) -> None:
    """Refuse a stored value as `_id` unless it was an integer, text or a boolean: 1, "1" and True are three ids."""
    if not isinstance(value, str | int) or (isinstance(value, str) and BEFORE_DATES <= value < AFTER_DATES):
        raise NotImplementedError(f"the embedded store keeps no _id of type {type(restored(value)).__name__}")


def to_json(raw: Mapping[str, Any]) -> bytes:
    """The JSON text of stored values."""
    return _encoder.encode(raw)


def from_json(text: bytes) -> dict[str, Any]:
    """The stored values of a JSON text, dates and booleans still behind their mark."""
    raw: dict[str, Any] = _decoder.decode(text)
    return raw


def load_document(text: bytes) -> dict[str, Any]:
    """The document of a JSON text, with dates as aware UTC and booleans as booleans."""
    return _restore(_decoder.decode(text))


def restored(value: Any) -> Any:
    """The value that was stored; lists and nested documents are changed in place."""
    if isinstance(value, str):
        return _restored_marked(value) if value >= MARK else value
    if isinstance(value, list):
        items: list[Any] = value
        items[:] = [restored(item) for item in items]
    elif isinstance(value, dict):
        _restore(cast("dict[str, Any]", value))
    return value


def _restore(fields: dict[str, Any]) -> dict[str, Any]:
    # Written out rather than through `restored`: this loop is most of the cost of loading a large collection.
    for key, value in fields.items():
        if isinstance(value, str):
            if value >= MARK:
                fields[key] = _restored_marked(value)
        elif isinstance(value, dict | list):
            restored(value)
    return fields


def _restored_marked(text: str) -> Any:
    if text == TRUE:
        return True
    if text == FALSE:
        return False
    if text[1] == " ":
        return text[2:]
    return datetime.fromisoformat(text[1:])
