"""Request ids: name a request in its answer and in the log."""

from __future__ import annotations

from models.random_ids import RandomIds

new_request_id = RandomIds(8)
"""Returns a new id."""
