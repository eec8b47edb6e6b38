"""Update: MongoDB's update operators, applied to the stored values of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pymongo.errors import WriteError

from models.collection import UpdateSpec
from models.embedded.values import AFTER_TEXT, Fields, stored

# MongoDB's error codes (from its error_codes.yml).
TYPE_MISMATCH, CONFLICTING_OPERATORS, IMMUTABLE_FIELD = 14, 40, 66


class FieldUpdate(NamedTuple):
    """The update of one field: the operator's function, the field and the stored operand."""

    apply: Callable[[Fields, str, Any], None]
    field: str
    operand: Any


class Update:
    """An update that is checked once and applied to any number of documents."""

    def __init__(self, update: UpdateSpec) -> None:
        if not update:
            raise ValueError("an update cannot be empty")
        self._changes: list[FieldUpdate] = []
        self._insert_changes: list[FieldUpdate] = []
        fields: set[str] = set()
        for operator, operands in update.items():
            for field, operand in operands.items() if operator in OPERATORS else ():
                if field in fields:
                    raise WriteError(f"two operators change {field!r}", CONFLICTING_OPERATORS)
                fields.add(field)
                self._add(operator, field, operand)
            if operator not in OPERATORS:
                raise NotImplementedError(f"the embedded store does not support the update operator {operator}")

    def _add(self, operator: str, field: str, operand: Any) -> None:
        check_field(field)
        if operator in ("$inc", "$max") and isinstance(operand, list | tuple | Mapping):
            raise NotImplementedError(f"the embedded store does not support a list or nested document in {operator}")
        if operator == "$inc" and (isinstance(operand, bool) or not isinstance(operand, int | float)):
            raise WriteError(f"$inc needs a number for {field!r}", TYPE_MISMATCH)
        changes = self._insert_changes if operator == "$setOnInsert" else self._changes
        changes.append(FieldUpdate(OPERATORS[operator], field, stored(operand)))

    def applied_to(self, before: Fields) -> Fields:
        """The document after the update. `before` is left unchanged."""
        after = dict(before)
        for change in self._changes:
            change.apply(after, change.field, change.operand)
        if not _same(after.get("_id"), before["_id"]):
            raise WriteError("an update cannot change _id", IMMUTABLE_FIELD)
        return after

    def inserted_for(self, filter: Mapping[str, Any]) -> Fields:
        """The document that an upsert inserts if nothing matches: the equalities of the filter, then the update."""
        fields = {
            key: stored(value)
            for key, value in filter.items()
            if not key.startswith("$") and not isinstance(value, Mapping)
        }
        given_id = fields.get("_id")
        for change in self._insert_changes + self._changes:
            change.apply(fields, change.field, change.operand)
        if given_id is not None and not _same(fields.get("_id"), given_id):
            raise WriteError("an update cannot change _id", IMMUTABLE_FIELD)
        return fields


def check_field(field: str) -> None:
    """Refuse names that MongoDB reads as a path or an operator."""
    if "." in field or field.startswith("$") or "\0" in field or not field:
        raise NotImplementedError(f"the embedded store does not support a field named {field!r}")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _rank(value: Any) -> tuple[int, Any]:
    """A stored value's place in the order of all types: null, numbers, text, documents, lists, booleans, dates."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return (2 if value < AFTER_TEXT else 5), value
    return (3 if isinstance(value, dict) else 4), 0


def _set(fields: Fields, field: str, operand: Any) -> None:
    fields[field] = operand


def _increment(fields: Fields, field: str, operand: Any) -> None:
    present = fields.get(field, 0)
    if not isinstance(present, int | float):
        raise WriteError(f"cannot increment {field!r}, which is not a number", TYPE_MISMATCH)
    fields[field] = stored(present + operand)


def _maximum(fields: Fields, field: str, operand: Any) -> None:
    if field not in fields or _rank(operand) > _rank(fields[field]):
        fields[field] = operand


OPERATORS: Mapping[str, Callable[[Fields, str, Any], None]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$inc": _increment,
    "$max": _maximum,
}
