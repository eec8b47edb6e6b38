"""Templates are compiled ahead of their first use, so that no request waits for many of them."""

from __future__ import annotations

import jinja2
import pytest

from handlers.page_templates import compile_ahead, page_templates


@pytest.mark.gen_test
async def test_compiling_ahead_leaves_no_template_for_a_request() -> None:
    templates = page_templates().overlay(cache_size=100)
    names = templates.list_templates()
    await compile_ahead(templates, after_seconds=0)
    compiled: set[str] = set()
    assert templates.cache is not None
    for key in templates.cache.keys():  # noqa: SIM118  (a cache of Jinja is no mapping)
        compiled.add(key[1])
    assert compiled == set(names)


def test_every_template_compiles() -> None:
    templates: jinja2.Environment = page_templates()
    assert len([templates.get_template(name) for name in templates.list_templates()]) > 15
