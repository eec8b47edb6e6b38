"""Usernames: which names are accepted, in which form they are stored, and when two of them are the same.

A refused name looks like nothing, looks like another name, or changes the text around it. `unicodedata` knows the
characters of one version of Unicode; later characters are refused, because their key could still change.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from models.errors import Invalid

LONGEST = 64
"""Characters of a name as stored."""

LONGEST_AS_GIVEN = 4 * LONGEST
"""Characters of a name before normalization, which makes one character of at most four."""

MARKS_IN_A_ROW = 6
"""Combining marks on one letter. Burmese has up to five; a tower of them covers the lines above and below."""

KEY_VERSION = f"2, Unicode {unicodedata.unidata_version}"
"""The version of `username_key`."""

_CATEGORIES = {
    "Cc": "control characters",
    "Cf": "invisible characters",
    "Cn": "characters that are not assigned",
    "Co": "private-use characters",
    "Cs": "unpaired surrogates",
    "Zl": "line separators",
    "Zp": "paragraph separators",
}
"""The general categories that are refused."""

_INVISIBLE = _CATEGORIES["Cf"]

_LENGTH = f"1 to {LONGEST} characters"

_BLANK = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x16FE4, 0x1D159))).union(
    map(chr, (*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Fillers and variation selectors: invisible, although their category is that of a letter, a mark or a symbol."""

_SUBSTITUTES = "\ufffc\ufffd"
"""What programs print in place of something that is missing."""

_PICTOGRAPH = (
    r"[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3"
    r"\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705"
    r"\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767"
    r"\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    r"\U0001f000-\U0001faff]"
)
"""`Extended_Pictographic` in Unicode's emoji-data.txt. Unassigned characters among them are refused elsewhere."""

_ELEMENT = rf"{_PICTOGRAPH}[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]?"
_EMOJI = re.compile(rf"{_ELEMENT}(?:\u200d{_ELEMENT})*|[#*0-9]\ufe0f\u20e3")
"""An emoji or a keycap, as in Unicode Technical Standard 51, without flags made of tag characters."""

_JOINERS = "\u200c\u200d"

_JOINING_SCRIPTS = {
    "adlam", "arabic", "balinese", "bengali", "brahmi", "chakma", "devanagari", "grantha", "gujarati", "gurmukhi",
    "javanese", "kannada", "khmer", "malayalam", "mandaic", "mongolian", "myanmar", "newa", "nko", "oriya", "phags-pa",
    "sharada", "sinhala", "syriac", "tamil", "telugu", "tibetan", "tirhuta",
}  # fmt: skip
"""Scripts that use ZWJ and ZWNJ within words, by the first word of their letters' names: `ARABIC LETTER BEH`."""


def checked_username(text: str) -> str:
    """The name as it is stored, in NFC. Raises Invalid, which says why the name is refused."""
    name = unicodedata.normalize("NFC", text[: LONGEST_AS_GIVEN + 1])
    if len(text) > LONGEST_AS_GIVEN or len(name) > LONGEST:
        raise Invalid(f"A name must have {_LENGTH}.")
    demand = demand_on(name)
    if demand:
        raise Invalid(f"A name must have {demand}.")
    return name


def nearest_username(text: str, suffix: str = "") -> str | None:
    """The accepted name that is nearest to a text of another program, with a suffix, or None if nothing is left of it.

    What a name must not have is left out, and the end is cut off. The suffix itself must be acceptable.
    """
    text = unicodedata.normalize("NFC", text[:LONGEST_AS_GIVEN])
    for is_kept in (_is_kept_among_emoji, _is_plain):
        words = "".join(each if is_kept(each) else " " if each.isspace() else "" for each in text).split()
        name = " ".join(words)[: LONGEST - len(suffix)].strip() + suffix
        try:
            return checked_username(name) if name != suffix else None
        except Invalid:
            continue
    return None


def _is_kept_among_emoji(character: str) -> bool:
    problem = _problem_of(character)
    return not problem or (problem == _INVISIBLE and character in _JOINERS + "\ufe0f")


def _is_plain(character: str) -> bool:
    """Whether a character is accepted wherever it stands."""
    return not _problem_of(character) and not unicodedata.category(character).startswith("M")


def demand_on(name: str) -> str | None:
    """What a name, or another short text for people, must have if this one doesn't have it."""
    if not name:
        return _LENGTH
    if name != name.strip():
        return "no space at either end"
    if unicodedata.category(name[0]).startswith("M"):
        return "no combining mark at the start"
    unwanted = unwanted_character(name)
    return f"no {unwanted}" if unwanted else _demand_in_a_row(name)


def unwanted_character(text: str) -> str | None:
    """What a text for people must not have, such as `invisible characters (U+200B)`, if this one has it."""
    excused = {place for emoji in _EMOJI.finditer(text) for place in range(emoji.start(), emoji.end())}
    for place, character in enumerate(text):
        problem = _problem_of(character)
        if problem and not (problem == _INVISIBLE and (place in excused or _is_within_a_word(text, place))):
            return f"{problem} (U+{ord(character):04X})"
    return None


def username_key(username: str) -> str:
    """Two names are the same if their keys are equal: compatibility forms and case are folded."""
    return unicodedata.normalize("NFKC", folded_name(username))


def folded_name(text: str) -> str:
    """A name without case and compatibility forms. Before version 2, this was the key."""
    return unicodedata.normalize("NFKC", text).casefold()


def is_too_long(username: str) -> bool:
    """Whether no stored name can be this long. Names from before NFC was required count as they were given."""
    return min(len(username), len(unicodedata.normalize("NFC", username))) > LONGEST


def possible_keys(username: str) -> list[str]:
    """The keys under which a user or an operator of this name may be stored."""
    return list(dict.fromkeys((username_key(username), folded_name(username))))


def best_match(documents: Iterable[dict[str, Any]], field: str, username: str) -> dict[str, Any] | None:
    """The document whose `field` is this very name, else one with the same name, else None.

    Two stored names can be the same if an earlier version of the key told them apart. Each is found as it is spelled.
    """
    key, exact = username_key(username), unicodedata.normalize("NFC", username)
    same = [each for each in documents if username_key(each[field]) == key]
    same.sort(key=lambda each: (unicodedata.normalize("NFC", each[field]) != exact, each[f"{field}_key"] != key))
    return same[0] if same else None


def _problem_of(character: str) -> str | None:
    if character in _BLANK:
        return _INVISIBLE
    if character in _SUBSTITUTES:
        return "replacement characters"
    return _CATEGORIES.get(unicodedata.category(character))


def _is_within_a_word(name: str, place: int) -> bool:
    """Whether a joiner stands between two letters, or Mongolian's variation selector after one, as spelling needs."""
    before, after = (_script(each) for each in (name[place - 1 : place], name[place + 1 : place + 2]))
    if name[place] in _JOINERS:
        return before == after and before in _JOINING_SCRIPTS
    return before == "mongolian" and "\u180b" <= name[place] <= "\u180f"


def _script(character: str) -> str:
    """The script of a letter or a visible mark, else an empty text."""
    if not character or character in _BLANK or unicodedata.category(character)[0] not in "LM":
        return ""
    return unicodedata.name(character, "").partition(" ")[0].lower()


def _demand_in_a_row(name: str) -> str | None:
    marks = spaces = 0
    for character in name:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        spaces = spaces + 1 if category == "Zs" else 0
        if spaces > 1:
            return "at most one space in a row"
        if marks > MARKS_IN_A_ROW:
            return f"at most {MARKS_IN_A_ROW} combining marks in a row"
    return None
