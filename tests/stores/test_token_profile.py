"""Token profile: a token counts for a profile if it says something new and is no older than what is known."""

from __future__ import annotations

from models.token_profile import TokenProfile

KNOWN = TokenProfile().following("Ada", "https://example.com/a.png", 100)


def test_a_token_that_says_the_same_changes_nothing() -> None:
    assert KNOWN.following("Ada", "https://example.com/a.png", 200) is KNOWN


def test_a_newer_token_counts() -> None:
    changed = KNOWN.following("Bea", "https://example.com/a.png", 101)
    assert changed.name != KNOWN.name
    assert changed.picture == KNOWN.picture
    assert changed.issued_at == 101


def test_a_token_of_the_same_second_counts() -> None:
    assert KNOWN.following("Bea", None, 100) is not KNOWN


def test_an_older_token_does_not_count() -> None:
    assert KNOWN.following("Bea", "https://example.com/b.png", 99) is KNOWN


def test_a_token_without_claims_says_nothing() -> None:
    assert KNOWN.following(None, None, 200) is KNOWN
    assert TokenProfile().following(None, None, 200) == TokenProfile()


def test_half_a_character_can_be_told_from_another() -> None:
    assert KNOWN.following("\ud800", None, 200).name != KNOWN.following("\ud801", None, 200).name
