"""The embedded store: the operations of Motor's collection that the models use, carried out by SQLite."""

from __future__ import annotations

from models.embedded.collection import EmbeddedCollection, EmbeddedCursor, EmbeddedDatabase

__all__ = ["EmbeddedCollection", "EmbeddedCursor", "EmbeddedDatabase"]
