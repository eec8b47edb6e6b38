"""Settings reader: the settings as variables, the files of secrets, and flags give them."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from operation.output import is_text
from settings import PREFIX, Settings, SettingsError, file_variable, variable, variables

FILE_BYTES_LIMIT = 64 * 1024
"""Far more than any secret has: a larger file was named by mistake."""

_FROM_PLATFORMS = (
    (r"(\w+_)?SERVICE_HOST", r""),
    (r"(\w+_)?SERVICE_PORT(_\w+)?", r"\d+$"),
    (r"(\w+_)?PORT", r"(tcp|udp|sctp)://"),
    (r"(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_\w+)?", r""),
    (r"(\w+_)?NAME", r"/\S+/\S+$"),
    (r"(\w+_)?ENV_\w+", r""),
)
"""The variables of Kubernetes and of Docker's links, as patterns of the name after the prefix and of the value."""


def read_settings(environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from flags, else from variables and the files they name, else the defaults.

    Raises SettingsError when a variable has the wrong type or an unknown name, when a file cannot be read, or when
    values contradict each other.
    """
    environment = {name: value for name, value in environment.items() if not _is_from_a_platform(name, value)}
    problems = [*_unknown(environment)]
    values: dict[str, Any] = {}
    for each in dataclasses.fields(Settings):
        try:
            text = _text_of(each, environment)
            if text is not None:
                values[each.name] = parse(text, each.default, is_secret=each.metadata["secret"])
        except ValueError as error:
            problems.append(f"{variable(each.name)} {error}")
    if problems:
        raise SettingsError(problems)
    return Settings(**{**values, **(flags or {})})


def parse(text: str, default: Any, *, is_secret: bool = False) -> Any:
    """The text of a variable or flag as the type of the setting's default.

    Raises ValueError with a message, which does not quote a secret.
    """
    but = "" if is_secret else f", not {text!r}"
    if isinstance(default, Path):
        if not text:
            raise ValueError("must be a path, not empty")
        return Path(text)
    if not is_text(text):
        raise ValueError("must be text in the locale's encoding")
    match default:
        case bool():
            if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
                raise ValueError(f"must be true or false{but}")
            return text.lower() in ("1", "true", "yes")
        case int() | float():
            try:
                return type(default)(text)
            except ValueError:
                kind = "a whole number" if isinstance(default, int) else "a number"
                raise ValueError(f"must be {kind}{but}") from None
        case tuple():
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case _:
            return text


def _is_from_a_platform(name: str, value: str) -> bool:
    """Whether Kubernetes or Docker sets the variable by itself, for a service named rollcall or rollcall-…"""
    return any(re.fullmatch(PREFIX + pattern, name) and re.match(form, value) for pattern, form in _FROM_PLATFORMS)


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    """A complaint about each variable that has our prefix but is not a setting."""
    known = {name.removeprefix(PREFIX): name for name in variables()}
    for name in environment:
        if name.startswith(PREFIX) and name not in known.values():
            near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=0.5)
            hint = f"did you mean {known[near[0]]}?" if near else "`python server.py --help` lists the settings"
            yield f"{name} is not a setting; {hint}"


def _text_of(each: dataclasses.Field[Any], environment: Mapping[str, str]) -> str | None:
    """What the environment gives for a setting. Raises ValueError, whose message follows the variable's name."""
    text = environment.get(variable(each.name))
    named = file_variable(each.name)
    if not each.metadata["secret"] or named not in environment:
        return text
    if text:
        raise ValueError(f"and {named} are both set; unset one of them")
    if not environment[named]:
        raise ValueError(f"cannot be read: {named} is empty; set it to a path, or unset it")
    return _content(environment[named], named)


def _content(path: str, named: str) -> str:
    """The content of a secret's file, without byte order mark and line end.

    The path is not quoted, because it may be the secret.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES_LIMIT + 1)
    except OSError as error:
        raise ValueError(f"cannot be read from the file that {named} names: {error.strerror}") from None
    if len(content) > FILE_BYTES_LIMIT:
        raise ValueError(f"cannot be read: the file that {named} names is larger than {FILE_BYTES_LIMIT} bytes")
    try:
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"cannot be read: the file that {named} names is not UTF-8 text") from None
    if not text:
        raise ValueError(f"cannot be read: the file that {named} names is empty")
    return text
