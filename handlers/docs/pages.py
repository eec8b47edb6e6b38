"""Pages: what a person sees who opens the server in a browser."""

from __future__ import annotations

from typing import Any

import jinja2
from tornado.web import StaticFileHandler

from handlers.base import ApiHandler, HandlerContext
from models.errors import NotFound
from realtime.sockets.stats import Stats

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


class PageHandler(ApiHandler):
    """What the handlers of pages share."""

    def set_up_page(self, context: HandlerContext, templates: jinja2.Environment) -> None:
        """What each page's `initialize` begins with."""
        self.set_up(context)
        self.templates = templates

    def show(self, template: str, **values: Any) -> None:
        """Write a page that loads nothing from elsewhere and runs no script."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.write(self.templates.get_template(template).render(values))


class HomeHandler(PageHandler):
    """GET /"""

    def initialize(self, context: HandlerContext, templates: jinja2.Environment, stats: Stats) -> None:
        """Collaborators come from the route."""
        self.set_up_page(context, templates)
        self.stats = stats

    def get(self) -> None:
        """What this is, and where to go on."""
        self.show("home.html", stats=self.stats.counts())


class AssetHandler(ApiHandler, StaticFileHandler):
    """GET /static/…"""

    def initialize(self, context: HandlerContext, path: str) -> None:  # type: ignore[override]  # as every handler of ours
        """Collaborators come from the route."""
        self.set_up(context)
        StaticFileHandler.initialize(self, path)

    def prepare(self) -> None:
        """A NUL in a path is what the file system won't even look for. Raises NotFound."""
        super().prepare()
        if any("\0" in part for part in self.path_args):
            raise NotFound("There is nothing at this URL")

    def set_extra_headers(self, path: str) -> None:
        """A changed file is seen within minutes."""
        self.set_header("Cache-Control", "public, max-age=300")
