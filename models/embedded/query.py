"""Queries: MongoDB's filters and sorts, translated to SQL over a table (_id, doc).

Unlike MongoDB, a filter never looks inside a list or a nested document: no field that the models filter on holds one.
Whatever cannot be translated raises NotImplementedError with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from models.collection import Filter, Keys
from models.embedded.values import (
    AFTER_BOOLEANS,
    AFTER_DATES,
    AFTER_TEXT,
    BEFORE_DATES,
    FALSE,
    stored,
)


class Sql(NamedTuple):
    """A piece of SQL and the values for its question marks."""

    text: str
    values: tuple[Any, ...] = ()


class Bracket(NamedTuple):
    """The conditions that keep a range within one type: `below` limits what $lt finds, `above` what $gt finds."""

    below: str
    above: str


# Null and missing are one value below every number, so that they are equal, sort first and collide in a unique index,
# as in MongoDB. SQL's NULL would do none of these.
NULL = "-9e999"

NULLS = Bracket(f"= {NULL}", f"= {NULL}")
NUMBERS = Bracket(f"> {NULL}", "< ''")
TEXTS = Bracket(">= ''", f"< '{AFTER_TEXT}'")
BOOLEANS = Bracket(f">= '{FALSE}'", f"< '{AFTER_BOOLEANS}'")
DATES = Bracket(f">= '{BEFORE_DATES}'", f"< '{AFTER_DATES}'")

RANGES = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# SQLite's limit on question marks in a statement, with some room left for the rest of a filter.
MOST_IN = 32_000


@lru_cache(maxsize=256)
def column(field: str) -> str:
    """The expression for a top-level field. Filters, sorts and indexes share it, so that SQLite uses the indexes."""
    if field == "_id":
        return "_id"
    if not FIELD.fullmatch(field):
        raise NotImplementedError(f"the embedded store does not support the field {field!r}")
    return f"""ifnull(json_extract(doc, '$."{field}"'), {NULL})"""


def where(filter: Filter) -> Sql:
    """The filter as a SQL condition."""
    pieces = [_clause(key, condition) for key, condition in filter.items()]
    return _joined(" AND ", pieces) if pieces else Sql("1")


def order(sort: Keys | None) -> str:
    """` ORDER BY …`, or an empty text without a sort."""
    if not sort:
        return ""
    return " ORDER BY " + ", ".join(column(field) + _direction(direction) for field, direction in sort)


def index_columns(keys: Keys) -> str:
    """The columns of an index."""
    return ", ".join(column(field) + _direction(direction) for field, direction in keys)


def _direction(direction: int) -> str:
    if direction not in (1, -1):
        raise NotImplementedError(f"the embedded store does not support the sort direction {direction!r}")
    return " ASC" if direction == 1 else " DESC"


def _clause(key: str, condition: Any) -> Sql:
    if key == "$or":
        return _joined(" OR ", [where(branch) for branch in cast("Iterable[Filter]", condition)])
    if key.startswith("$"):
        raise NotImplementedError(f"the embedded store does not support the filter operator {key}")
    if not isinstance(condition, Mapping):
        return _equal(key, condition)
    operators = cast("Mapping[str, Any]", condition)
    if not operators or not all(name.startswith("$") for name in operators):
        raise NotImplementedError("the embedded store does not compare nested documents")
    ends = _ends(operators)
    between = [_between(key, operators, *ends)] if ends else []
    rest = [_condition(key, name, operand) for name, operand in operators.items() if name not in (ends or ())]
    return _joined(" AND ", between + rest)


def _ends(operators: Mapping[str, Any]) -> tuple[str, str] | None:
    """The operators of a range with two ends of the same type."""
    for lower in ("$gte", "$gt"):
        for upper in ("$lt", "$lte"):
            if lower in operators and upper in operators:
                bracket = _bracket(operators[lower])
                return (lower, upper) if bracket is _bracket(operators[upper]) and bracket is not NULLS else None
    return None


def _between(field: str, operators: Mapping[str, Any], lower: str, upper: str) -> Sql:
    """What lies between two ends of one type is of this type, too.

    SQLite takes the first condition on each side as the end of its search in an index. So no bracket may stand before
    the end: the search would go on until the end of the type.
    """
    text = f"{column(field)} {RANGES[lower]} ? AND {column(field)} {RANGES[upper]} ?"
    if _bracket(operators[lower]) is TEXTS:
        text += f" AND {_is_text(field)}"
    return Sql(text, (_operand(operators[lower]), _operand(operators[upper])))


def _joined(word: str, pieces: list[Sql]) -> Sql:
    if not pieces:
        raise ValueError("$or needs at least one filter")
    text = word.join(f"({piece.text})" for piece in pieces) if len(pieces) > 1 else pieces[0].text
    return Sql(text, tuple(value for piece in pieces for value in piece.values))


def _condition(field: str, operator: str, operand: Any) -> Sql:
    if operator in RANGES:
        return _range(field, operator, operand)
    if operator == "$in":
        return _any_of(field, operand)
    if operator == "$ne":
        equal = _equal(field, operand)
        return Sql(f"NOT ({equal.text})", equal.values)
    raise NotImplementedError(f"the embedded store does not support the filter operator {operator}")


def _operand(operand: Any) -> Any:
    if isinstance(operand, list | tuple | Mapping):
        raise NotImplementedError("the embedded store does not compare lists or nested documents")
    return stored(operand)


def _equal(field: str, operand: Any) -> Sql:
    value = _operand(operand)
    if value is None:
        return Sql(f"{column(field)} = {NULL}")
    equal = Sql(f"{column(field)} = ?", (value,))
    # json_extract returns a list or a nested document as JSON text, which could equal this text.
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return Sql(f"{equal.text} AND {_is_text(field)}", equal.values)
    return equal


def _any_of(field: str, operands: Iterable[Any]) -> Sql:
    values = [_operand(operand) for operand in operands]
    if len(values) > MOST_IN:
        raise NotImplementedError(f"the embedded store supports at most {MOST_IN} values in $in")
    plain = [value for value in values if value is not None]
    if any(isinstance(value, str) and value[:1] in ("[", "{") for value in plain):
        return _joined(" OR ", [_equal(field, operand) for operand in operands])
    marks = ["?"] * len(plain) + [NULL] * (len(plain) < len(values))
    return Sql(f"{column(field)} IN ({', '.join(marks)})", tuple(plain))


def _range(field: str, operator: str, operand: Any) -> Sql:
    value, sign, bracket = _operand(operand), RANGES[operator], _bracket(operand)
    bound = bracket.above if operator in ("$gt", "$gte") else bracket.below
    text = f"{column(field)} {sign} {NULL if value is None else '?'} AND {column(field)} {bound}"
    if bracket is TEXTS:
        text += f" AND {_is_text(field)}"
    return Sql(text, () if value is None else (value,))


def _bracket(operand: Any) -> Bracket:
    if operand is None:
        return NULLS
    if isinstance(operand, bool):
        return BOOLEANS
    if isinstance(operand, int | float):
        return NUMBERS
    return TEXTS if isinstance(operand, str) else DATES


def _is_text(field: str) -> str:
    return "1" if field == "_id" else f"""json_type(doc, '$."{field}"') = 'text'"""
