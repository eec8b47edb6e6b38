"""Roll: a file of users to import, read and checked as a whole before anything of it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from models.field_types import ImageUrl, Password, Username
from models.users import Users, username_key

PROBLEMS_SHOWN = 20
"""Of a file that is wrong throughout, as many lines are named."""


class UserFileError(Exception):
    """What is wrong with the file: `problems` as (line number, words)."""

    def __init__(self, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__(f"{len(problems)} lines are wrong")
        self.problems = sorted(problems)

    def lines(self) -> list[str]:
        """What to print."""
        shown = [f"line {number}: {words}" for number, words in self.problems[:PROBLEMS_SHOWN]]
        more = len(self.problems) - len(shown)
        return [*shown, *([f"… and {more} more"] if more else [])]


class UserLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file. Who has no password cannot log in by one."""

    username: Username
    password: Password | None = None
    profile_image_url: ImageUrl | None = None


@dataclass
class UserFile:
    """The lines of a file in order, with their numbers, each name once."""

    numbers: list[int] = field(default_factory=list[int])
    lines: list[UserLine] = field(default_factory=list[UserLine])


_decoder = msgspec.json.Decoder(UserLine)


def read_user_file(file: Iterable[bytes], password_length_minimum: int) -> UserFile:
    """The users in JSON lines; empty lines say nothing. Raises RollError, which names every line that is wrong."""
    user_file = UserFile()
    problems: list[tuple[int, str]] = []
    first_seen: dict[str, int] = {}
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            line = _line(text, password_length_minimum)
        except ValueError as error:
            problems.append((number, str(error)))
            continue
        earlier = first_seen.setdefault(username_key(line.username), number)
        if earlier != number:
            problems.append((number, f"the name {line.username!r} stands in line {earlier} already"))
        user_file.numbers.append(number)
        user_file.lines.append(line)
    if problems:
        raise UserFileError(problems)
    return user_file


async def check_free(user_file: UserFile, users: Users) -> None:
    """Raises RollError, which names the lines whose name is taken."""
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
    return line
