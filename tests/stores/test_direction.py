"""Names keep their own direction in sentences, titles and the terminal."""

from __future__ import annotations

import pytest

from models.direction import in_sentence, isolated, plain


@pytest.mark.parametrize("name", ["ada", "Zoë", "王小明", "😀", "12"])
def test_a_name_that_turns_nothing_stands_in_a_sentence_as_it_is(name: str) -> None:
    assert in_sentence(name) == name


@pytest.mark.parametrize("name", ["محمد", "אסתר 12", "ada م", "٣"])
def test_a_name_that_could_turn_its_surroundings_is_isolated(name: str) -> None:
    assert in_sentence(name) == isolated(name) == f"\u2068{name}\u2069"
    assert plain(f"{in_sentence(name)} is busy") == f"{name} is busy"


@pytest.mark.parametrize(
    "name", ["a\u202eb", "a\u2069\u202eb", "a\u2066b", "\u200fab", "ab\u061c", "a\u202cb"], ids=ascii
)
def test_a_stored_name_cannot_leave_its_isolate(name: str) -> None:
    assert isolated(name) == "\u2068ab\u2069"
