"""User documents: the fields that a document of the collection `users` must have, and their types."""

from __future__ import annotations

from datetime import datetime

import msgspec

from models.status import CurrentState


class UserDocument(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """A user's document, without the password."""

    user_id: int
    username: str
    profile_image_url: str | None
    created_at: datetime
    disabled: bool
    tokens_after: datetime | None
    set_busy: bool
    busy_until: datetime | None
    offline_set_at: datetime | None
    online: bool
    last_seen: datetime
    heartbeat_at: datetime | None
    standing: CurrentState | None = None
    token_version: int = 0


class IdDocument(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """The id of a user's document."""

    user_id: int
