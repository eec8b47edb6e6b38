"""Tables: generates the parts of docs/ that come from the code.

Run from the repository's folder: python -m docs.tables
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docs.reference import reference_page
from handlers.docs.asyncapi import CLOSES
from handlers.docs.error_codes import API_ERRORS, DASHBOARD_ERRORS
from settings import file_variable, groups, variable

HERE = Path(__file__).parent
PAGE = HERE / "settings.md"
REFERENCE = HERE / "reference.md"
PROTOCOL = HERE / "protocol.md"
DASHBOARD = HERE / "dashboard.md"

HEAD = """# Settings

Set each of these as an environment variable or as a flag; a flag wins over a variable. A flag has the variable's name
in lower case with dashes and without the prefix: `ROLLCALL_PORT=9000` is the same as `--port 9000`. Separate the items
of a list with commas. Units are part of the names: seconds, bytes.

A secret, such as `ROLLCALL_JWT_SECRET`, has no flag, because every user of a machine can read the command lines of its
processes. You can put it into a file instead and name the file: `ROLLCALL_JWT_SECRET_FILE=/run/secrets/jwt`.

The server reads its settings once, when it starts, and checks them together. If something is wrong, it doesn't start
and tells you what to set. It also refuses a `ROLLCALL_` variable that it doesn't know, because that is usually a
typing mistake.

`python server.py --help` prints the same list.

This page is generated from `settings.py` by `python -m docs.tables`.
"""


def settings_page() -> str:
    """The expected text of docs/settings.md."""
    return "\n".join([HEAD, *_settings()]) + "\n"


def page_with_tables(page: Path) -> str:
    """The text of a page with new tables between its `made` and `end` comments."""
    tables = {
        "errors": _table(("status", "code", "when"), _errors()),
        "dashboard-errors": _table(("status", "code", "when"), _dashboard_errors()),
        "closes": _table(("code", "meaning", "what the client does"), _closes()),
    }
    return re.sub(
        r"(<!-- made: ([a-z-]+) -->\n\n).*?(\n<!-- end -->)",
        lambda found: found[1] + tables[found[2]] + found[3],
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def made_pages() -> dict[Path, str]:
    """The expected text of every page that is generated, in whole or in part."""
    return {
        PAGE: settings_page(),
        REFERENCE: reference_page(),
        PROTOCOL: page_with_tables(PROTOCOL),
        DASHBOARD: page_with_tables(DASHBOARD),
    }


def _errors() -> Iterator[tuple[str, ...]]:
    for code, (status, when) in API_ERRORS.items():
        if code == "SERVER_ERROR":
            yield ("4xx", "`REFUSED`", "the request was refused for another reason")
        yield (str(status), f"`{code}`", when)


def _dashboard_errors() -> Iterator[tuple[str, ...]]:
    for code, (status, when) in DASHBOARD_ERRORS.items():
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
    for place, (group, fields) in enumerate(groups().items()):
        yield from ([""] if place else [])
        yield from (f"## {group.capitalize()}", "", "| variable | default | meaning |", "|---|---|---|")
        for each in fields:
            yield f"| `{variable(each.name)}` | {_default(each.default)} | {_meaning(each)} |"


def _meaning(each: dataclasses.Field[Any]) -> str:
    meaning = str(each.metadata["help"])
    return (
        f"{meaning} To read it from a file, set `{file_variable(each.name)}`." if each.metadata["secret"] else meaning
    )


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
