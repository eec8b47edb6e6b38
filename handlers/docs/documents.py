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
"""A changed document is seen within minutes."""


NO_SUCH_PAGE = RenderedPage(
    "There is no such page",
    '<h1>There is no such page</h1>\n<p>Those there are stand in the list; <a href="/docs">start here</a>.</p>',
    (),
)


class DocsHandler(PageHandler):
    """GET /docs and /docs/…"""

    def initialize(self, context: HandlerContext, templates: jinja2.Environment, docs_pages: DocsPages) -> None:
        """Collaborators come from the route."""
        self.set_up_page(context, templates)
        self.docs_pages = docs_pages

    def get(self, name: str = "index") -> None:
        """A page, or a picture in one. Raises NotFound."""
        document, picture = self.docs_pages.document(name), self.docs_pages.picture(name)
        if document is None and picture is None:
            raise NotFound("There is no such page; /docs lists those there are")
        self.set_header("Cache-Control", _KEPT)
        if document is not None:
            self._show(name, document)
        elif picture is not None:
            content, media_type = picture
            self.set_header("Content-Type", media_type)
            self.write(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A person in a browser gets a page with the way back, a program the error that all others get."""
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
        """Collaborators come from the route."""
        self.set_up(context)
        self.description = description

    def get(self) -> None:
        """The description, as JSON."""
        self.answer(self.description())
        self.set_header("Cache-Control", _KEPT)


Description = Callable[[], msgspec.Raw]


def description(make: Callable[[], dict[str, Any]]) -> Description:
    """A description that is made when first asked for."""
    return cache(lambda: msgspec.Raw(msgspec.json.encode(make())))
