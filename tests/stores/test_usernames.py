"""Names: which are accepted and in which form, which are refused and why, and which are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.usernames import (
    best_match,
    checked_username,
    folded_name,
    is_too_long,
    nearest_username,
    possible_keys,
    username_key,
)

ACCEPTED = [
    # As given, as stored, its key.
    ("ada", "ada", "ada"),
    ("Ada Lovelace", "Ada Lovelace", "ada lovelace"),
    ("ADA", "ADA", "ada"),
    ("x", "x", "x"),
    ("a" * 64, "a" * 64, "a" * 64),
    ("0", "0", "0"),
    ("O'Brien-Smith_2.0", "O'Brien-Smith_2.0", "o'brien-smith_2.0"),
    ("<b>", "<b>", "<b>"),
    ("…", "…", "..."),
    ("ａｄａ", "ａｄａ", "ada"),
    ("Zoe\u0308", "Zoë", "zoë"),
    ("e\u0301" * 64, "é" * 64, "é" * 64),
    ("\u1112\u1161\u11ab", "한", "한"),
    ("\u212bngstro\u0308m", "Ångström", "ångström"),
    ("straße", "straße", "strasse"),
    ("STRASSE", "STRASSE", "strasse"),
    ("ﬁona", "ﬁona", "fiona"),
    ("Ⅷ", "Ⅷ", "viii"),
    ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ("σίσυφος", "σίσυφος", "σίσυφοσ"),
    ("ǰ", "ǰ", "ǰ"),
    ("J\u030c", "J\u030c", "ǰ"),
    ("İ", "İ", "i\u0307"),
    ("Ольга", "Ольга", "ольга"),
    ("אסתר", "אסתר", "אסתר"),
    ("محمد", "محمد", "محمد"),
    ("کار\u200cها", "کار\u200cها", "کار\u200cها"),
    ("क्\u200dष", "क्\u200dष", "क्\u200dष"),
    ("ක්\u200dෂ", "ක්\u200dෂ", "ක්\u200dෂ"),
    ("ᠠ\u180bᠨ", "ᠠ\u180bᠨ", "ᠠ\u180bᠨ"),
    ("မြွှို့", "မြွှို့", "မြွှို့"),
    ("สมชาย", "สมชาย", "สมชาย"),
    ("王小明", "王小明", "王小明"),
    ("やまだ　たろう", "やまだ　たろう", "やまだ たろう"),
    ("a\u00a0b", "a\u00a0b", "a b"),
    ("😀", "😀", "😀"),
    ("👍🏽", "👍🏽", "👍🏽"),
    ("❤\ufe0f", "❤\ufe0f", "❤\ufe0f"),
    ("☺\ufe0e", "☺\ufe0e", "☺\ufe0e"),
    ("1\ufe0f\u20e3", "1\ufe0f\u20e3", "1\ufe0f\u20e3"),
    ("🇩🇪", "🇩🇪", "🇩🇪"),
    ("👩🏽\u200d💻 Ada", "👩🏽\u200d💻 Ada", "👩🏽\u200d💻 ada"),
    ("🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"),
    ("👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦"),
    ("a" + "\u0301\u0302\u0303\u0304\u0305\u0306\u0307", "á" + "\u0302\u0303\u0304\u0305\u0306\u0307", None),
]

REFUSED = [
    ("", "1 to 64 characters"),
    ("a" * 65, "1 to 64 characters"),
    ("e\u0301" * 65, "1 to 64 characters"),
    ("\u0958" * 33, "1 to 64 characters"),
    ("a" * 1_000_000, "1 to 64 characters"),
    (" ", "space"),
    (" ada", "space"),
    ("ada ", "space"),
    ("\u3000", "space"),
    ("ada\u00a0", "space"),
    ("\u2003ada", "space"),
    ("Ada  Lovelace", "one space"),
    ("Ada \u00a0Lovelace", "one space"),
    ("a\x00b", "control characters (U+0000)"),
    ("a\tb", "control characters (U+0009)"),
    ("a\nb", "control characters (U+000A)"),
    ("a\x1b[31mb", "control characters (U+001B)"),
    ("a\x7fb", "control characters (U+007F)"),
    ("a\x85b", "control characters (U+0085)"),
    ("a\u2028b", "line separators"),
    ("a\u2029b", "paragraph separators"),
    ("a\u202eb", "invisible characters (U+202E)"),
    ("\u202dada\u202c", "invisible characters"),
    ("\u2066ada\u2069", "invisible characters"),
    ("a\u2068b", "invisible characters"),
    ("ada\u200e", "invisible characters"),
    ("ada\u200f", "invisible characters"),
    ("ada\u061c", "invisible characters"),
    ("\u200b", "invisible characters (U+200B)"),
    ("a\u200bda", "invisible characters"),
    ("a\u2060b", "invisible characters"),
    ("\ufeffada", "invisible characters (U+FEFF)"),
    ("a\u00adda", "invisible characters (U+00AD)"),
    ("a\u180eb", "invisible characters"),
    ("\u2062", "invisible characters"),
    ("a\U000e0061", "invisible characters (U+E0061)"),
    ("🏴\U000e0067\U000e0062\U000e007f", "invisible characters"),
    ("\u3164", "invisible characters (U+3164)"),
    ("a\u115f", "invisible characters"),
    ("a\u1160", "invisible characters"),
    ("\uffa0", "invisible characters"),
    ("\u2800", "invisible characters (U+2800)"),
    ("a\u034fb", "invisible characters"),
    ("a\u17b4", "invisible characters"),
    ("\U0001d159", "invisible characters"),
    ("a\u200db", "invisible characters (U+200D)"),
    ("a\u200cb", "invisible characters (U+200C)"),
    ("\u200d", "invisible characters"),
    ("😀\u200d", "invisible characters"),
    ("\u200d😀", "invisible characters"),
    ("😀\u200da", "invisible characters"),
    ("😀\u200d\u200d😀", "invisible characters"),
    ("محمد\u200c", "invisible characters"),
    ("ا\u200c\u200cب", "invisible characters"),
    ("ا\u200cअ", "invisible characters"),
    ("a\ufe0f", "invisible characters (U+FE0F)"),
    ("1\ufe0f", "invisible characters"),
    ("❤\ufe0f\ufe0f", "invisible characters"),
    ("葛\U000e0100", "invisible characters"),
    ("a\u180bb", "invisible characters"),
    ("\ufe0f", "combining mark"),
    ("\u0301", "combining mark at the start"),
    ("\u0301ada", "combining mark at the start"),
    ("\u20e3", "combining mark at the start"),
    ("a" + "\u0335" * 7, "at most 6 combining marks"),
    ("ก" + "\u0e47" * 7, "at most 6 combining marks"),
    ("\ud800", "unpaired surrogates"),
    ("a\udc00b", "unpaired surrogates"),
    ("a\ue000", "private-use characters"),
    ("\U00100000", "private-use characters"),
    ("a\u0378", "not assigned"),
    ("a\uffff", "not assigned"),
    ("a\ufffd", "replacement characters"),
    ("a\ufffc", "replacement characters"),
]

SAME = [
    ("ada", "ADA"),
    ("ada", "ａｄａ"),
    ("straße", "STRASSE"),
    ("Zoë", "Zoe\u0308"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("ﬁona", "FIONA"),
    ("Ada Lovelace", "ada\u00a0lovelace"),
    ("\u01f0", "J\u030c"),
    ("한", "\u1112\u1161\u11ab"),
    ("K", "\u212a"),
]

OTHERS = [("ada", "adа"), ("e", "é"), ("İ", "i"), ("ada1", "ada2"), ("1", "l")]

pieces = st.text(
    st.one_of(
        st.characters(), st.sampled_from("aAßΣς\u0345\u0301\u030cΐΰﬁǰİ한\u1112\u1161\u200c\u200d\ufe0f😀 \u3164م")
    ),
    max_size=12,
)


@pytest.mark.parametrize(("text", "stored", "key"), ACCEPTED, ids=ascii)
def test_a_name_is_stored_in_nfc_under_its_key(text: str, stored: str, key: str | None) -> None:
    assert checked_username(text) == stored
    if key is not None:
        assert username_key(text) == username_key(stored) == key


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_name_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_username(text)
    assert caught.value.message.startswith("A name must have ")
    assert reason in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(("one", "other"), SAME, ids=ascii)
def test_two_names_are_the_same_whatever_their_case_and_form(one: str, other: str) -> None:
    assert username_key(one) == username_key(other)


@pytest.mark.parametrize(("one", "other"), OTHERS, ids=ascii)
def test_two_names_are_not_the_same_because_they_resemble_each_other(one: str, other: str) -> None:
    assert username_key(one) != username_key(other)


@given(pieces)
def test_the_key_of_a_key_is_the_key(text: str) -> None:
    assert username_key(username_key(text)) == username_key(text)


def test_the_key_of_the_key_of_each_character_is_the_key() -> None:
    keys = {username_key(chr(code)) for code in range(0x110000)}
    assert [key for key in keys if username_key(key) != key] == []


@given(pieces)
def test_a_stored_name_is_accepted_as_it_is_and_has_the_key_of_what_was_given(text: str) -> None:
    try:
        stored = checked_username(text)
    except Invalid:
        return
    assert checked_username(stored) == stored
    assert unicodedata.is_normalized("NFC", stored)
    assert username_key(stored) == username_key(text)
    assert 1 <= len(stored) <= 64
    assert not is_too_long(text)


def test_a_letter_is_found_that_the_key_joins_with_its_accent() -> None:
    assert folded_name("j") in folded_name("ǰan")
    assert username_key("j") not in username_key("ǰan")


def test_a_name_is_looked_up_under_the_key_of_today_and_of_before() -> None:
    assert possible_keys("Ada") == ["ada"]
    assert possible_keys("ǰ") == ["ǰ", "j\u030c"]


def test_of_two_stored_names_that_are_the_same_each_is_found_as_it_is_spelled() -> None:
    first = {"username": "J\u030c", "username_key": "ǰ"}
    second = {"username": "ǰ", "username_key": "j\u030c"}
    for documents in ([first, second], [second, first]):
        assert best_match(documents, "username", "J\u030c") is first
        assert best_match(documents, "username", "ǰ") is second
        assert best_match(documents, "username", "ｊ\u030c") is first
    assert best_match([second], "username", "J\u030c") is second
    assert best_match([{"username": "j", "username_key": "j"}], "username", "ǰ") is None


def test_a_name_to_sign_in_with_may_be_longer_than_its_stored_form() -> None:
    assert not is_too_long("\u1112\u1161\u11ab" * 64)
    assert not is_too_long("\u0958" * 64)
    assert is_too_long("a" * 65)


NEAREST: dict[str, tuple[str, str | None]] = {
    "a good name": ("Ada Lovelace", "Ada Lovelace"),
    "spaces and line breaks": ("  Ada\n\n\tLovelace\u00a0", "Ada Lovelace"),
    "too long": ("x" * 300, "x" * 64),
    "a space at the cut": ("x" * 63 + " y", "x" * 63),
    "control characters": ("Jo\x00hn\x7f", "John"),
    "bidirectional characters": ("\u202eadA\u2066", "adA"),
    "an emoji with joiners": ("👩‍👩‍👧 Smith", "👩‍👩‍👧 Smith"),
    "a word with a joiner": ("می‌خواهم", "می‌خواهم"),
    "a joiner out of place": ("a\u200db", "ab"),
    "a tower of marks": ("Z" + "\u0301" * 20 + "oe", "Źoe"),
    "a mark at the start": ("\u0301Ada", "Ada"),
    "decomposed": ("Zoe\u0308", "Zoë"),
    "half a character": ("Ada\ud800", "Ada"),
    "nothing": ("", None),
    "nothing visible": ("\u200b \u3164", None),
}


@pytest.mark.parametrize(("text", "expected"), NEAREST.values(), ids=NEAREST.keys())
def test_the_nearest_name_leaves_out_what_no_name_may_have(text: str, expected: str | None) -> None:
    assert nearest_username(text) == expected


@pytest.mark.parametrize(("text", "_expected"), NEAREST.values(), ids=NEAREST.keys())
def test_a_name_with_a_suffix_is_not_too_long(text: str, _expected: str | None) -> None:
    name = nearest_username(text, " #1234567")
    assert name is None or (name.endswith(" #1234567") and checked_username(name) == name)


@given(st.text(max_size=300))
def test_the_nearest_name_is_always_accepted(text: str) -> None:
    name = nearest_username(text)
    assert name is None or checked_username(name) == name
