"""Stored values: documents as JSON text, whose fields SQLite compares and orders as MongoDB does.

Numbers, text, null, lists and nested documents are ordinary JSON. Dates and booleans are text that starts with a mark,
the highest code point. So `json_extract` of a field, and therefore an index on it, distinguishes all types and orders
them as MongoDB does: null, numbers, text, booleans, dates.

    date        MARK + "2026-01-31T12:00:00.123+00:00"     fixed width and UTC, so the text sorts by time
    boolean     MARK + "!f" or MARK + "!t"
    text that begins with the mark itself                   MARK + " " + the text
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from models.collection import Document

Fields = dict[str, Any]
"""The values of a document by field, in their stored form."""

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
    """The value in its stored form.

    Raises OverflowError for an integer beyond 64 bits, as bson does, and NotImplementedError for a type that this
    store does not support.
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
        raise NotImplementedError("the embedded store does not support text with a NUL character")
    return f"{MARK} {text}" if text >= MARK else text


def _stored_integer(number: int) -> int:
    if not -INT64 <= number < INT64:
        raise OverflowError("the store only supports integers of up to 8 bytes")
    return number


def _stored_float(number: float) -> float:
    if not math.isfinite(number):
        raise NotImplementedError("the embedded store only supports finite floats")
    return number


def _stored_rarer(value: object) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotImplementedError("the embedded store does not support a datetime without a time zone")
        return MARK + value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, list | tuple):
        return [stored(item) for item in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return stored_document(cast("Mapping[str, object]", value))
    if isinstance(value, str):
        return _stored_text(str.__str__(value))
    if isinstance(value, int):
        return _stored_integer(int(value))
    raise NotImplementedError(f"the embedded store does not support a value of type {type(value).__name__}")


def stored_document(document: Mapping[str, object]) -> Fields:
    """The fields of a document in their stored form. The caller's mapping is left unchanged."""
    return {key: stored(value) for key, value in document.items()}


def check_id(value: Any) -> None:
    """Refuse a stored value as `_id` unless it is an integer, text or a boolean. 1, "1" and True are different ids."""
    if not isinstance(value, str | int) or (isinstance(value, str) and BEFORE_DATES <= value < AFTER_DATES):
        raise NotImplementedError(
            f"the embedded store does not support an _id of type {type(restored(value)).__name__}"
        )


def to_json(raw: Mapping[str, Any]) -> bytes:
    """Encode stored values as JSON text."""
    return _encoder.encode(raw)


def from_json(text: bytes) -> Fields:
    """Decode JSON text into stored values; dates and booleans keep their mark."""
    raw: Fields = _decoder.decode(text)
    return raw


def load_document(text: bytes) -> Document:
    """Decode JSON text into a document, with dates as aware UTC and booleans as booleans."""
    return _restore(_decoder.decode(text))


def restored(value: Any) -> Any:
    """The original of a stored value. Lists and nested documents are changed in place."""
    if isinstance(value, str):
        return _restored_marked(value) if value >= MARK else value
    if isinstance(value, list):
        items: list[Any] = value
        items[:] = [restored(item) for item in items]
    elif isinstance(value, dict):
        _restore(cast("dict[str, Any]", value))
    return value


def _restore(fields: dict[str, Any]) -> dict[str, Any]:
    # Does not call `restored` for each field, because this loop is most of the cost of loading a large collection.
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
