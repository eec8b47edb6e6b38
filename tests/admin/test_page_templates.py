"""Templates are compiled ahead of their first use, so that no request waits for many of them."""

from __future__ import annotations

import itertools

import jinja2
import pytest

from handlers import page_templates as module
from handlers.page_templates import compile_ahead, page_templates


@pytest.mark.gen_test
async def test_compiling_ahead_leaves_no_template_for_a_request() -> None:
    templates = page_templates().overlay(cache_size=100)
    names = templates.list_templates()
    await compile_ahead(templates, lambda: 0.0, after_seconds=0)
    compiled: set[str] = set()
    assert templates.cache is not None
    for key in templates.cache.keys():  # noqa: SIM118  (a cache of Jinja is no mapping)
        compiled.add(key[1])
    assert compiled == set(names)


def test_every_template_compiles() -> None:
    templates: jinja2.Environment = page_templates()
    assert len([templates.get_template(name) for name in templates.list_templates()]) > 15


@pytest.mark.gen_test
async def test_templates_are_compiled_while_little_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    templates = page_templates().overlay(cache_size=100)
    assert templates.cache is not None
    compiled: list[int] = []

    def busy_at_first() -> float:
        compiled.append(len(templates.cache or ()))
        return float(min(100, len(compiled)))

    await compile_ahead(templates, busy_at_first, after_seconds=0)
    assert compiled[:100] == [0] * 100
    assert compiled[-1] == len(templates.list_templates()) - 1


@pytest.mark.gen_test
async def test_a_server_that_is_always_busy_compiles_them_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.003)
    templates, seconds = page_templates().overlay(cache_size=100), itertools.count()
    await compile_ahead(templates, lambda: float(next(seconds)), after_seconds=0)
    assert templates.cache is not None
    assert len(templates.cache) == len(templates.list_templates())
    assert next(seconds) == 2 * 3
