"""A file of users is read and checked as a whole."""

from __future__ import annotations

import pytest

from operation.cli.user_file import PROBLEMS_SHOWN, UserFileError, read_user_file


def problems_of(*lines: bytes) -> list[tuple[int, str]]:
    with pytest.raises(UserFileError) as caught:
        read_user_file(lines, 12)
    return list(caught.value.problems)


def test_a_line_is_a_user_and_empty_lines_count_but_say_nothing() -> None:
    roll = read_user_file([b'{"username": "ada"}\n', b"\n", b'{"username": "bob", "password": "correct horse 1"}'], 12)
    assert roll.numbers == [1, 3]
    assert [(line.username, line.password) for line in roll.lines] == [("ada", None), ("bob", "correct horse 1")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_in_another_encoding_is_said_to_be_in_one(encoding: str) -> None:
    text = ("" if encoding in ("utf-16", "utf-32") else "\ufeff") + '{"username": "ada"}\n{"username": "bob"}\n'
    assert problems_of(*text.encode(encoding).splitlines(keepends=True)) == [
        (1, "the file is not in UTF-8; save it as UTF-8")
    ]


def test_a_file_may_begin_with_a_byte_order_mark() -> None:
    roll = read_user_file([b'\xef\xbb\xbf{"username": "ada"}\r\n', b'{"username": "bob"}\r\n'], 12)
    assert [line.username for line in roll.lines] == ["ada", "bob"]
    assert problems_of(b'{"username": "ada"}', b'\xef\xbb\xbf{"username": "bob"}')[0][0] == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "JSON"),
        (b"[]", "object"),
        (b'{"username": 5}', "username"),
        (b'{"username": " ada"}', "username"),
        (b'{"username": "a\\u0000b"}', "username"),
        (b'{"username": ""}', "username"),
        (b'{"password": "correct horse 1"}', "username"),
        (b'{"username": "ada", "password": "short"}', "at least 12 characters"),
        (b'{"username": "ada", "profile_image_url": "javascript:1"}', "profile_image_url"),
        (b'{"username": "ada", "admin": true}', "admin"),
        (b'{"username": "\xff"}', ""),
        (b'{"username": "ada"' + b'["' * 2000, ""),
    ],
)
def test_a_bad_line_is_named_by_its_number(line: bytes, words: str) -> None:
    [(number, said)] = problems_of(b'{"username": "good"}', b"", line)
    assert number == 3
    assert words in said


def test_a_name_that_comes_twice_is_named_whatever_its_case() -> None:
    assert problems_of(b'{"username": "Ada"}', b'{"username": "bob"}', b'{"username": "ADA"}') == [
        (3, "the name 'ADA' is already in line 1")
    ]


def test_a_name_is_taken_over_in_nfc_and_one_that_looks_like_nothing_is_refused() -> None:
    assert read_user_file(['{"username": "Zoe\u0308"}'.encode()], 12).lines[0].username == "Zoë"
    assert problems_of('{"username": "\u3164"}'.encode(), '{"username": "a\u202eb"}'.encode()) == [
        (1, "username: A name must have no invisible characters (U+3164)."),
        (2, "username: A name must have no invisible characters (U+202E)."),
    ]


def test_every_bad_line_is_found_but_not_more_are_shown_than_fit_a_screen() -> None:
    with pytest.raises(UserFileError) as caught:
        read_user_file([b"x"] * 100, 12)
    assert len(caught.value.problems) == 100
    shown = caught.value.lines()
    assert shown[0].startswith("line 1: ")
    assert shown[PROBLEMS_SHOWN:] == ["and 80 more"]
