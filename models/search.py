"""Search: which users a search text finds, and how names are sorted. static/admin/search.js does the same.

Both are held to the cases in tests/admin_client/searches.json.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Protocol, TypeVar

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
"""Accents and vowel points. Marks that are letters of their own, such as the vowels of Hindi, are not among them."""

_LETTERS = str.maketrans(
    {
        "ß": "ss", "ł": "l", "ø": "o", "ı": "i", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h",
        "ŧ": "t", "ŋ": "n", "ĸ": "k", "ƀ": "b", "ɨ": "i", "ʉ": "u", "ς": "σ",
    }
)  # fmt: skip
"""Letters that Unicode does not decompose, as people type them who do not have them on the keyboard."""

_BETWEEN_WORDS = re.compile(r"[\s,_.@-]+")
_WITHIN_WORD = re.compile(r"(?<=[^\s,_.@-])[_.@-]+(?=[^\s,_.@-])")
_LISTED = re.compile(r"[\s,]+")
_ID = re.compile(r"#?0*([0-9]+)")


class Profiled(Protocol):
    """The user behind an entry."""

    @property
    def user_id(self) -> int:
        """The user's id."""


class Searched(Protocol):
    """What can be found."""

    @property
    def profile(self) -> Profiled:
        """The user."""

    @property
    def search_key(self) -> str:
        """The `search_key` of the user's name, made once, because a search looks at everybody."""


Entry = TypeVar("Entry", bound=Searched)


def folded(text: str) -> str:
    """A text without case and accents."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text).lower()).translate(_LETTERS)


def search_key(name: str) -> str:
    """A name as searches and lists compare it: folded words with one space between them."""
    return _BETWEEN_WORDS.sub(" ", folded(name))


class Search:
    """A search text: words in any order, an id, or several ids.

    Each word must occur in the name. A number alone is an id, too. `#2` is only an id, and so are several numbers with
    commas between them.
    """

    def __init__(self, text: str) -> None:
        text = folded(text).strip()
        parts = [part for part in _LISTED.split(text) if part]
        ids = [id[1] for part in parts if (id := _ID.fullmatch(part))]
        is_list = len(ids) == len(parts) and ("#" in text or "," in text)
        self.ids: frozenset[int] = frozenset(map(int, ids)) if is_list or len(parts) == 1 else frozenset()
        """The ids that the text may mean, whether anybody has them or not."""
        self._words = [] if is_list else [_BETWEEN_WORDS.sub(" ", part) for part in _words(text)]

    def find(self, entries: list[Entry]) -> list[Entry]:
        """The entries that the text finds, in their order."""
        if not self._words:
            return [each for each in entries if each.profile.user_id in self.ids] if self.ids else entries
        found: Iterable[Entry] = entries
        if self.ids:
            (word,), ids = self._words, self.ids
            return [each for each in found if word in each.search_key or each.profile.user_id in ids]
        for word in self._words:
            found = [each for each in found if word in each.search_key]
        return list(found)

    def best_first(self, found: list[Entry]) -> list[Entry]:
        """What was found by id, then by the beginnings of words, then by other parts; each in the given order."""
        if not self._words:
            return found
        ranked: tuple[list[Entry], ...] = ([], [], [])
        for each in found:
            ranked[self._rank(each)].append(each)
        return [each for rank in ranked for each in rank]

    def _rank(self, entry: Searched) -> int:
        if entry.profile.user_id in self.ids:
            return 0
        key = entry.search_key
        return 1 if all(key.startswith(word) or f" {word}" in key for word in self._words) else 2


def _words(text: str) -> list[str]:
    return [part for part in _LISTED.split(_WITHIN_WORD.sub(" ", text)) if part]
