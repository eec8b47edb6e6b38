"""The embedded store: the few calls of Motor's collection that the models make, answered by SQLite."""

from __future__ import annotations

from models.embedded.collection import EmbeddedCollection, EmbeddedCursor, EmbeddedDatabase

__all__ = ["EmbeddedCollection", "EmbeddedCursor", "EmbeddedDatabase"]
