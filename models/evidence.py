"""Evidence: saves the evidence about many users in bulk."""

from __future__ import annotations

from pymongo.errors import BulkWriteError

from models.errors import StoreUnavailable
from models.guard import GuardedCollection
from models.user_documents import Evidence, evidence_update


async def save_rows(users: GuardedCollection, rows: list[Evidence]) -> None:
    """Save some rows in one request. A row that the store refuses is logged and skipped, and the others are saved."""
    try:
        await users.bulk_write([evidence_update(row) for row in rows], ordered=False)
    except BulkWriteError as error:  # the other rows were saved
        for failure in error.details["writeErrors"]:
            users.failures.note("evidence", rows[failure["index"]].user_id, error)
    except StoreUnavailable:
        raise
    except Exception as error:  # nothing was saved, because one row cannot be encoded
        if len(rows) == 1:
            users.failures.note("evidence", rows[0].user_id, error)
            return
        middle = len(rows) // 2
        await save_rows(users, rows[:middle])
        await save_rows(users, rows[middle:])
