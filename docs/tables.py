"""Tables: docs/settings.md, made from what settings.py says. Run from the repository's folder: python -m docs.tables"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from settings import Settings, variable

PAGE = Path(__file__).parent / "settings.md"

HEAD = """# Settings

Every setting is an environment variable and a flag; the flag wins. `python server.py --help` prints the same list. The
server reads them once, at start, checks them together, and refuses to start with a sentence that says what to set. A
`ROLLCALL_` variable that is no setting is refused, too: it is a typing mistake more often than not.

Seconds and bytes stand in the names. A list is written with commas between. A flag is the name in small letters with
dashes: `ROLLCALL_PORT=9000` is `--port 9000`.

This page is made by `python -m docs.tables` from `settings.py`; a test holds it to that.
"""


def settings_page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
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
    PAGE.write_text(settings_page())
