"""User file: users to import, read and checked as a whole before any of them is created."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from models.errors import Invalid
from models.field_types import ImageUrl, Password, Username
from models.usernames import checked_username, username_key
from models.users import Users

PROBLEMS_SHOWN = 20
"""The most problems that are printed for one file."""


class UserFileError(Exception):
    """What is wrong with the file: `problems` as (line number, message)."""

    def __init__(self, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__(f"{len(problems)} lines are invalid")
        self.problems = sorted(problems)

    def lines(self) -> list[str]:
        """The problems to print, a line each."""
        shown = [f"line {number}: {message}" for number, message in self.problems[:PROBLEMS_SHOWN]]
        more = len(self.problems) - len(shown)
        return [*shown, *([f"and {more} more"] if more else [])]


class UserLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file. A user without a password cannot log in with one."""

    username: Username
    password: Password | None = None
    profile_image_url: ImageUrl | None = None


@dataclass
class UserFile:
    """The users of a file in order, with their line numbers. No name occurs twice."""

    numbers: list[int] = field(default_factory=list[int])
    lines: list[UserLine] = field(default_factory=list[UserLine])


_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""The mark of UTF-16, in which Windows PowerShell writes files, begins that of UTF-32 in little-endian order."""

_decoder = msgspec.json.Decoder(UserLine)


def read_user_file(file: Iterable[bytes], password_length_minimum: int) -> UserFile:
    """The users in a file of JSON lines; empty lines are skipped. Raises UserFileError, which names every bad line."""
    user_file = UserFile()
    problems: list[tuple[int, str]] = []
    first_seen: dict[str, int] = {}
    for number, text in enumerate(_without_byte_order_mark(file), 1):
        if not text.strip():
            continue
        try:
            line = _line(text, password_length_minimum)
        except ValueError as error:
            problems.append((number, str(error)))
            continue
        earlier = first_seen.setdefault(username_key(line.username), number)
        if earlier != number:
            problems.append((number, f"the name {line.username!r} is already in line {earlier}"))
        user_file.numbers.append(number)
        user_file.lines.append(line)
    if problems:
        raise UserFileError(problems)
    return user_file


def _without_byte_order_mark(file: Iterable[bytes]) -> Iterator[bytes]:
    """The lines. Some editors and spreadsheets begin a file in UTF-8 with a mark. Raises UserFileError."""
    for place, text in enumerate(file):
        if place == 0 and text.startswith(_OTHER_MARKS):
            raise UserFileError([(1, "the file is not in UTF-8; save it as UTF-8")])
        yield text.removeprefix(codecs.BOM_UTF8) if place == 0 else text


async def check_free(user_file: UserFile, users: Users) -> None:
    """Raises UserFileError, which names the lines whose user name is taken."""
    taken = await users.taken([line.username for line in user_file.lines])
    problems = [
        (number, f"the name {line.username!r} is taken")
        for number, line in zip(user_file.numbers, user_file.lines, strict=True)
        if username_key(line.username) in taken
    ]
    if problems:
        raise UserFileError(problems)


def _line(text: bytes, password_length_minimum: int) -> UserLine:
    try:
        line = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error) if isinstance(error, msgspec.MsgspecError) else "Invalid JSON") from None
    if line.password is not None and len(line.password) < password_length_minimum:
        raise ValueError(f"a password has at least {password_length_minimum} characters")
    try:
        return msgspec.structs.replace(line, username=checked_username(line.username))
    except Invalid as error:
        raise ValueError(f"username: {error.message}") from None
