"""Output in any encoding: what a terminal cannot show is replaced and never causes an error."""

from __future__ import annotations

import io
import sys

import pytest

from operation.output import console, printable, say, set_up_output


def stdout(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Give standard output this encoding. Returns its bytes."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    set_up_output()
    return raw


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("ascii", "● ◐ ○ ☎ a → b – … O’Connor Zoë 世 \udcff", b"* + o # a > b - ~ O'Connor Zo? ? ?\n"),
        ("latin-1", "● Zoë – 世", b"* Zo\xeb - ?\n"),
        ("utf-8", "● Zoë", "● Zoë\n".encode()),
    ],
)
def test_a_character_the_encoding_lacks_is_replaced_by_one(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, expected: bytes
) -> None:
    raw = stdout(monkeypatch, encoding)
    say(text)
    assert raw.getvalue() == expected


def test_a_terminal_without_lines_to_draw_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, "ascii")
    terminal = console()
    terminal.rule("●")
    sys.stdout.flush()
    assert terminal.encoding == "ascii"
    assert raw.getvalue().isascii()
    assert b"---" in raw.getvalue()


def test_a_stream_that_is_no_terminals_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    set_up_output()
    say("●")


def test_what_moves_the_cursor_is_not_printable() -> None:
    assert printable("a\nb\x1b[2J\udcff") == "a�b�[2J�"
