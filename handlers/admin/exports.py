"""Exports: rows as CSV (RFC 4180), sent in batches, without cells that a spreadsheet would run as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Protocol, TypeVar
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from handlers.admin.base import AdminHandler
from models.errors import StoreUnavailable

_FORMULA_SIGNS = r"=＝﹦⁼₌+＋﹢⁺₊﬩\-－﹣⁻₋−@＠﹫"
"""Spreadsheets treat cells that begin with these as formulas; see OWASP, CSV injection. Some also know other forms of
the signs, such as those in full width.
"""

_UNSEEN = r"\s\u00ad\u200b-\u200f\u2060\ufeff"
"""Some spreadsheets drop spaces and invisible characters at the beginning of a cell."""

_FORMULA_STARTS = re.compile(rf"(^|;)(?=[\t\r\n]|[{_UNSEEN}]*[{_FORMULA_SIGNS}])")
"""Where a formula could begin. In many languages, Excel separates cells at semicolons."""

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")

BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads a CSV file in the encoding of the computer's language instead of UTF-8."""

EXPORTED_AT_ONCE = 500
"""Rows read from the store at a time."""

T = TypeVar("T")
Cell = str | int | datetime | None


class Batches(Protocol[T]):
    """A list that is read in parts."""

    def batches(self, size: int) -> AsyncIterator[list[T]]:
        """All rows, some at a time."""
        ...


class ExportHandler(AdminHandler):
    """A CSV file to download."""

    async def send_list(
        self,
        name: str,
        filters: Iterable[str | None],
        head: Sequence[str],
        listed: Batches[T],
        cells: Callable[[T], Sequence[Cell]],
    ) -> None:
        """Send all rows of a list."""
        batches = ([cells(each) for each in batch] async for batch in listed.batches(EXPORTED_AT_ONCE))
        await self.send_csv(name, filters, head, batches)

    async def send_csv(
        self,
        name: str,
        filters: Iterable[str | None],
        head: Sequence[str],
        batches: AsyncIterator[list[Sequence[Cell]]],
        *,
        date: date | None = None,
    ) -> None:
        """Send all rows. The file's name has the filters and the date, which is today's unless it is given.

        If the store fails midway, close the connection, so that no partial file looks complete.
        """
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        parts = [name, f"{date or self.admin.clock.utc():%Y-%m-%d}", *filter(None, filters)]
        self.set_header("Content-Disposition", _attachment("-".join(parts)))
        self.write(BYTE_ORDER_MARK + _lines([head]))
        is_begun = False
        try:
            async for batch in batches:
                self.write(_lines(batch))
                await self.flush()
                is_begun = True
        except StreamClosedError:
            return
        except StoreUnavailable:
            if not is_begun:
                raise
            self.detach().close()
            self.on_finish()  # Tornado doesn't call it for a detached connection, and a drain would wait


def _attachment(name: str) -> str:
    """The header for a file of this name, also for browsers that know only ASCII names; see RFC 6266."""
    name = _NOT_IN_NAMES.sub("-", name).strip("-.")
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f'attachment; filename="{plain}.csv"' + (
        "" if name.isascii() else f"; filename*=UTF-8''{quote(name, safe='')}.csv"
    )


def _lines(rows: Sequence[Sequence[Cell]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows([_cell(each) for each in row] for row in rows)
    return lines.getvalue()


def _cell(value: Cell) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = "" if value is None else str(value)
    return _FORMULA_STARTS.sub(r"\1'", text)
