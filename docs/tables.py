"""Tables: what the code knows itself, for docs/. Run from the repository's folder: python -m docs.tables"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from docs.reference import reference_page
from handlers.docs.asyncapi import CLOSES
from handlers.docs.endpoints import ERRORS
from settings import Settings, variable

HERE = Path(__file__).parent
PAGE = HERE / "settings.md"
REFERENCE = HERE / "reference.md"
PROTOCOL = HERE / "protocol.md"

HEAD = """# Settings

Every setting is an environment variable and a flag; the flag wins. `python server.py --help` prints the same list. The
server reads them once, at start, checks them together, and refuses to start with a sentence that says what to set. A
`ROLLCALL_` variable that is no setting is refused, too: it is a typing mistake more often than not.

Seconds and bytes stand in the names. A list is written with commas between. A flag is the name in small letters with
dashes: `ROLLCALL_PORT=9000` is `--port 9000`.

This page is made by `python -m docs.tables` from `settings.py`; a test holds it to that.
"""


def settings_page() -> str:
    """docs/settings.md as it should be."""
    return "\n".join([HEAD, *_settings()]) + "\n"


def protocol_page() -> str:
    """docs/protocol.md with the tables between its `made` and `end` comments as they should be."""
    tables = {
        "errors": _table(("status", "code", "when"), _errors()),
        "closes": _table(("code", "meaning", "a client then"), _closes()),
    }
    return re.sub(
        r"(<!-- made: (\w+) -->\n\n).*?(\n<!-- end -->)",
        lambda found: found[1] + tables[found[2]] + found[3],
        PROTOCOL.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def made_pages() -> dict[Path, str]:
    """Every page that is made, in whole or in part, as it should be."""
    return {PAGE: settings_page(), REFERENCE: reference_page(), PROTOCOL: protocol_page()}


def _errors() -> Iterator[tuple[str, ...]]:
    for code, (status, when) in ERRORS.items():
        if code == "SERVER_ERROR":
            yield ("4xx", "`REFUSED`", "any other refusal")
        yield (str(status), f"`{code}`", when)


def _closes() -> Iterator[tuple[str, ...]]:
    for code, (meaning, client) in CLOSES.items():
        yield (str(int(code)), meaning, client)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(head), "|" + "---|" * len(head), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _settings() -> Iterator[str]:
    is_first = True
    for each in dataclasses.fields(Settings):
        group = each.metadata["group"]
        if group:
            yield from ([] if is_first else [""])
            yield from (f"## {group.capitalize()}", "", "| variable | default | meaning |", "|---|---|---|")
            is_first = False
        yield f"| `{variable(each.name)}` | {_default(each.default)} | {each.metadata['help']} |"


def _default(value: object) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case "" | ():
            return "none"
        case _:
            return f"`{value}`"


if __name__ == "__main__":
    for path, text in made_pages().items():
        path.write_text(text, encoding="utf-8")
