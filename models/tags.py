"""Tags: which tags of users are accepted, and in which form they are stored."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from models.errors import Invalid
from models.usernames import demand_on

LONGEST = 64
"""Characters of a tag as stored."""

TAGS_LIMIT = 20
"""Tags of one user, and of one subscription."""


def normalized_tag(text: str) -> str:
    """The form in which a tag is stored and compared. Case matters."""
    return unicodedata.normalize("NFC", text)


def checked_tag(text: str) -> str:
    """The tag as it is stored. The rule is that of names. Raises Invalid, which says why the tag is refused."""
    tag = normalized_tag(text[: 4 * LONGEST + 1])
    if len(tag) > LONGEST:
        raise Invalid(f"A tag must have 1 to {LONGEST} characters.")
    demand = demand_on(tag)
    if demand:
        raise Invalid(f"A tag must have {demand}.")
    return tag


def checked_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """The tags as they are stored: each once, in alphabetical order. Raises Invalid."""
    tags = tuple(sorted({checked_tag(text) for text in texts}))
    if len(tags) > TAGS_LIMIT:
        raise Invalid(f"A user has at most {TAGS_LIMIT} tags.")
    return tags
