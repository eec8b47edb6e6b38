"""Page templates: the Jinja templates of all pages, compiled ahead of their first use where time allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jinja2

from handlers.admin import attention
from handlers.admin.audit_words import AUDIT_LABELS, audit_outcome, is_unchanged
from handlers.admin.chart_ranges import CHART_RANGES
from handlers.admin.formatting import FILTERS
from handlers.admin.list_choices import COLUMNS
from handlers.admin.list_order import ORDER_WORDS
from handlers.admin.time_form import RANGE_WORDS
from models.tags import TAGS_LIMIT

FOLDER = Path(__file__).resolve().parent.parent / "templates"

COMPILE_AFTER_SECONDS = 3.0
"""After the start. First come the clients that return, and compiling would slow down the start by a quarter."""

LOOK_SECONDS = 0.05
"""How long to look whether the process is idle."""

IDLE_SHARE = 0.1
"""Of one core: a process that uses less is idle."""

PATIENCE_SECONDS = 60.0
"""How long to wait for that in all. An idle server needs two seconds."""


@cache
def page_templates() -> jinja2.Environment:
    """All templates. Each is compiled when a page first needs it, unless `compile_ahead` was earlier."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True)
    templates.filters.update(FILTERS)
    templates.globals["audit_labels"] = AUDIT_LABELS
    templates.filters["audit_outcome"] = audit_outcome
    templates.tests["unchanged"] = is_unchanged
    templates.globals["list_columns"] = COLUMNS
    templates.globals["on_it_minutes"] = attention.MINUTES
    templates.globals["order_words"] = ORDER_WORDS
    templates.globals["tags_limit"] = TAGS_LIMIT
    templates.globals["range_words"] = RANGE_WORDS
    templates.globals["chart_words"] = {each.name: each.title for each in CHART_RANGES.values()}
    templates.globals["column_words"] = {each.name: each.label for columns in COLUMNS.values() for each in columns}
    return templates


async def compile_ahead(
    templates: jinja2.Environment, cpu_seconds: Callable[[], float], after_seconds: float = COMPILE_AFTER_SECONDS
) -> None:
    """Compile all templates, one after another in a thread, so that no request has to wait for more than one.

    A thread that compiles keeps everything else waiting for up to 5 ms at a time. So each template waits until the
    process uses little time, but all of them together not for longer than `PATIENCE_SECONDS`.
    """
    await asyncio.sleep(after_seconds)
    waited = 0.0
    for name in templates.list_templates():
        is_idle = False
        while not is_idle and waited < PATIENCE_SECONDS:
            before = cpu_seconds()
            await asyncio.sleep(LOOK_SECONDS)
            is_idle = cpu_seconds() - before < IDLE_SHARE * LOOK_SECONDS
            waited += LOOK_SECONDS
        await asyncio.to_thread(templates.get_template, name)
