"""Tags: which are accepted, and how they are stored."""

from __future__ import annotations

import pytest

from models.errors import Invalid
from models.tags import checked_tag, checked_tags


@pytest.mark.parametrize("tag", ["a", "team:42", "en_US", "Kundendienst Süd", "客服", "⭐", "x" * 64])
def test_a_visible_tag_is_accepted_as_it_is(tag: str) -> None:
    assert checked_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", " ", " a", "a ", "a  b", "a\nb", "a\x00", "\u200b", "x" * 65, "x" * 1000, "\u202ea"]
)
def test_a_tag_that_cannot_be_seen_or_is_too_long_is_refused(tag: str) -> None:
    with pytest.raises(Invalid, match="A tag must have"):
        checked_tag(tag)


def test_tags_are_kept_in_nfc_each_once_and_in_order() -> None:
    assert checked_tags(["b", "cafe\u0301", "a", "caf\u00e9", "B"]) == ("B", "a", "b", "caf\u00e9")


def test_a_user_has_at_most_twenty_tags() -> None:
    assert len(checked_tags([f"t{number % 20}" for number in range(40)])) == 20
    with pytest.raises(Invalid, match="at most 20"):
        checked_tags([f"t{number}" for number in range(21)])
