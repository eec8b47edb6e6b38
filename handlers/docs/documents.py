"""Documents: the pages at /docs, and the descriptions of the API for programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jinja2
import msgspec

from handlers.base import ApiHandler, HandlerContext
from handlers.docs.docs_pages import DocsPages, RenderedPage
from handlers.docs.pages import PageHandler
from models.errors import NotFound

_KEPT = "public, max-age=300"
"""Browsers notice a changed document within minutes."""

NO_SUCH_PAGE = RenderedPage(
    "There is no such page",
    '<h1>There is no such page</h1>\n<p>Choose a page from the list, or <a href="/docs">start here</a>.</p>',
    (),
)


class DocsHandler(PageHandler):
    """GET /docs and /docs/…"""

    def initialize(self, context: HandlerContext, templates: jinja2.Environment, docs_pages: DocsPages) -> None:
        """The route passes the collaborators."""
        self.set_up_page(context, templates)
        self.docs_pages = docs_pages

    def get(self, name: str = "index") -> None:
        """Answer with a page, or with a picture of a page. Raises NotFound."""
        document, picture = self.docs_pages.document(name), self.docs_pages.picture(name)
        if document is None and picture is None:
            raise NotFound("There is no such page. See /docs for the list of pages.")
        self.set_header("Cache-Control", _KEPT)
        if document is not None:
            self._show(name, document)
        elif picture is not None:
            content, media_type = picture
            self.set_header("Content-Type", media_type)
            self.write(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A browser gets a page with a link back. A program gets the usual JSON error."""
        is_missing = isinstance(kwargs.get("exc_info", (None, None))[1], NotFound)
        if not is_missing or "text/html" not in self.request.headers.get("Accept", ""):
            super().write_error(status_code, **kwargs)
            return
        self.set_status(404)
        self._show("", NO_SUCH_PAGE)
        self.finish()

    def _show(self, name: str, document: RenderedPage) -> None:
        pages = [each for each in self.docs_pages.entries.values() if not each.name.startswith("decisions/")]
        self.show("docs.html", name=name, document=document, pages=pages)


class DescriptionHandler(ApiHandler):
    """GET /openapi.json and /asyncapi.json"""

    def initialize(self, context: HandlerContext, description: Description) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.description = description

    def get(self) -> None:
        """Answer with the description as JSON."""
        self.answer(self.description())
        self.set_header("Cache-Control", _KEPT)


Description = Callable[[], msgspec.Raw]


def description(make: Callable[[], dict[str, Any]]) -> Description:
    """A description that is generated at the first request."""
    return cache(lambda: msgspec.Raw(msgspec.json.encode(make())))
