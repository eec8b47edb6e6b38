"""Direction: keeps a name in its own direction of writing, where markup such as `<bdi>` cannot.

Without it, a name in Arabic or Hebrew moves the digits and signs beside it. See Unicode Standard Annex 9.
"""

from __future__ import annotations

import unicodedata

FIRST_STRONG_ISOLATE = "\u2068"
POP_DIRECTIONAL_ISOLATE = "\u2069"

_CONTROLS = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))

_TURNING = {"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
"""The bidirectional classes that may change the order of the text around them."""


def isolated(text: str) -> str:
    """The text between isolates, for titles and tooltips. Its own directional controls are removed."""
    return f"{FIRST_STRONG_ISOLATE}{text.translate(_CONTROLS)}{POP_DIRECTIONAL_ISOLATE}"


def in_sentence(name: str) -> str:
    """The name for use in a sentence or on a line of the terminal: isolated if it could change the order around it."""
    if name.isascii() or not any(unicodedata.bidirectional(letter) in _TURNING for letter in name):
        return name
    return isolated(name)


def plain(text: str) -> str:
    """A sentence without isolates, as it is stored."""
    return text.replace(FIRST_STRONG_ISOLATE, "").replace(POP_DIRECTIONAL_ISOLATE, "")
