"""The documentation at /docs: every page, the targets of its links, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers.docs.docs_pages import DocsPages
from tests.clients import Api

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

ROOT = Path(__file__).resolve().parents[2]
URLS = ["/docs" if name == "index" else f"/docs/{name}" for name in DocsPages(ROOT).entries]


def links_of(page: str) -> set[str]:
    """Return everything that a page links to or loads."""
    return set(re.findall(r'(?:href|src)="([^"]*)"', page))


async def test_every_document_is_a_page_and_the_first_is_where_to_start(api: Api) -> None:
    pages = {url: await api.get(url) for url in URLS}
    assert {answer.status for answer in pages.values()} == {200}
    assert '<h1 id="start-here">Start here</h1>' in pages["/docs"].body
    assert {"/docs/protocol", "/docs/client", "/docs/decisions", "/docs/decisions/fan-out"} < set(URLS)


async def test_every_link_of_every_page_leads_somewhere_also_within_the_page(api: Api) -> None:
    pages = {url: str((await api.get(url)).body) for url in URLS}
    broken = []
    for url, page in pages.items():
        for link in links_of(page):
            path, _, anchor = link.partition("#")
            if "://" in link:
                continue
            known = not path or path in pages or (await api.get(path)).status == 200
            if not known or (anchor and f'id="{anchor}"' not in pages.get(path or url, "")):
                broken.append(f"{url}: {link}")
    assert broken == []


async def test_links_between_files_lead_to_where_they_are_shown(api: Api) -> None:
    assert "/docs/decisions" in links_of((await api.get("/docs")).body)
    assert "/docs/decisions/fan-out" in links_of((await api.get("/docs/decisions")).body)
    assert "/docs/watch.svg" in links_of((await api.get("/docs/readme")).body)
    assert not [link for url in URLS for link in links_of((await api.get(url)).body) if ".md" in link]


async def test_a_picture_is_served_as_one(api: Api) -> None:
    answer = await api.get("/docs/watch.svg")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "<svg" in answer.body


async def test_a_page_may_load_from_the_server_alone_and_run_nothing(api: Api) -> None:
    answer = await api.get("/docs/protocol")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.body
    assert "style=" not in answer.body


async def test_comments_of_the_source_are_not_on_the_page(api: Api) -> None:
    pages = "".join([str((await api.get(url)).body) for url in URLS])
    assert "&lt;!--" not in pages
    assert "<!--" not in pages


@pytest.mark.parametrize(
    "path",
    [
        "/docs/nothing",
        "/docs/",
        "/docs/protocol.md",
        "/docs/..%2f..%2fserver.py",
        "/docs/../server.py",
        "/docs/%2e%2e/settings.py",
        "/docs//etc/passwd",
        "/docs/tables.py",
        "/docs/%00",
        "/docs/decisions/../protocol",
    ],
)
async def test_what_is_no_page_is_not_found(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_who_reads_pages_is_shown_the_way_back(api: Api) -> None:
    answer = await api.request("GET", "/docs/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status == 404
    assert "There is no such page" in answer.body
    assert "/docs/protocol" in links_of(answer.body)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
