"""Output: text for a terminal, whatever characters the terminal can show."""

from __future__ import annotations

import codecs
import io
import sys

import click
from rich.console import Console

from models.direction import FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE

_PLAIN = "rollcall.plain"
"""The name of our error handler for codecs."""

_PLAIN_CHARACTERS = {"●": "*", "◐": "+", "○": "o", "☎": "#", "→": ">", "–": "-", "…": "~", "’": "'"} | dict.fromkeys(
    (FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE), ""
)
"""What stands for a character that the terminal cannot show; a question mark for any other. None changes its width."""


def set_up_output() -> None:
    """Replace characters that the encoding of an output lacks, where Python would raise UnicodeEncodeError."""
    codecs.register_error(_PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAIN)


def say(text: str, *, err: bool = False) -> None:
    """Print a line, on standard error if asked. Without a stream, click would write UTF-8 to a terminal of ASCII."""
    click.echo(text, file=sys.stderr if err else sys.stdout)


def console(*, err: bool = False) -> Console:
    """Rich's console. It learns the encoding from the stream, and then draws lines that it has."""
    return Console(file=sys.stderr if err else sys.stdout, highlight=False)


def is_text(text: str) -> bool:
    """Whether an argument or a variable is text. Python passes on bytes that are not UTF-8 as half a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def printable(text: str) -> str:
    """The text without characters that move the cursor or change the direction of writing.

    Joiners only shape the letters and emoji that they stand between.
    """
    return "".join(letter if letter.isprintable() or letter in "\u200c\u200d" else "�" for letter in text)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN_CHARACTERS.get(letter, "?") for letter in lacking), error.end
