"""Counting: the pipeline that counts documents by the values of some fields, the only one that this store supports.

[{"$match": filter}, {"$group": {"_id": {"name": "$field", …}, "count": {"$sum": 1}}}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from models.collection import Document, Filter
from models.embedded.values import restored

MISSING = float("-inf")
"""How a missing value is read from its column; see `NULL` in query.py."""


class Counting(NamedTuple):
    """What to count, and by which fields, each under its name in the result."""

    filter: Filter
    fields: Mapping[str, str]

    def group_of(self, values: Sequence[Any]) -> Document:
        """One combination of values, by name. As in MongoDB, a missing value has no name."""
        named = zip(self.fields, values, strict=True)
        return {name: restored(_text(value)) for name, value in named if value != MISSING}


def counting_of(pipeline: Sequence[Document]) -> Counting:
    """Read a pipeline. Raises NotImplementedError for any other."""
    match pipeline:
        case [{"$match": filter, **rest}, {"$group": {"_id": dict(fields), "count": {"$sum": 1}}}] if (
            fields and not rest
        ):
            if all(
                isinstance(path, str) and path.startswith("$") and path[1:].isidentifier() for path in fields.values()
            ):
                return Counting(filter, {name: path[1:] for name, path in fields.items()})
    raise NotImplementedError(f"the embedded store does not support this pipeline of aggregate: {pipeline!r}")


def _text(value: Any) -> Any:
    """Connections return text as bytes."""
    return value.decode() if isinstance(value, bytes) else value
