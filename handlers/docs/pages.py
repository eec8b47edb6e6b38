"""Pages: the home page, and the files that pages load."""

from __future__ import annotations

from typing import Any

import jinja2
from tornado.web import StaticFileHandler

from handlers.base import ApiHandler, HandlerContext
from handlers.errors import NOTHING_HERE
from models.errors import NotFound
from realtime.sockets.stats import Stats

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


class PageHandler(ApiHandler):
    """What the handlers of pages have in common."""

    def set_up_page(self, context: HandlerContext, templates: jinja2.Environment) -> None:
        """The first step of each page's `initialize`."""
        self.set_up(context)
        self.templates = templates

    def show(self, template: str, **values: Any) -> None:
        """Write a page. It loads nothing from other servers and runs no scripts."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.write(self.templates.get_template(template).render(values))


class HomeHandler(PageHandler):
    """GET /"""

    def initialize(self, context: HandlerContext, templates: jinja2.Environment, stats: Stats) -> None:
        """The route passes the collaborators."""
        self.set_up_page(context, templates)
        self.stats = stats

    def get(self) -> None:
        """Answer with the home page."""
        self.show("home.html", stats=self.stats.counts())


class AssetHandler(ApiHandler, StaticFileHandler):
    """GET /static/…"""

    def initialize(self, context: HandlerContext, path: str) -> None:  # type: ignore[override]  # as in all our handlers
        """The route passes the collaborators."""
        self.set_up(context)
        StaticFileHandler.initialize(self, path)

    def prepare(self) -> None:
        """Refuse a path with a NUL, which the file system does not accept. Raises NotFound."""
        super().prepare()
        if any("\0" in part for part in self.path_args):
            raise NotFound(NOTHING_HERE)

    def set_extra_headers(self, path: str) -> None:
        """Browsers notice a changed file within minutes."""
        self.set_header("Cache-Control", "public, max-age=300")
