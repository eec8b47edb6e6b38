"""Pages: what a person sees who opens the server in a browser."""

from __future__ import annotations

import jinja2

from handlers.base import ApiHandler, Web
from realtime.stats import Stats

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


class HomeHandler(ApiHandler):
    """GET /"""

    def initialize(self, web: Web, templates: jinja2.Environment, stats: Stats) -> None:
        """Collaborators come from the route."""
        super().initialize(web)
        self.templates = templates
        self.stats = stats

    def get(self) -> None:
        """What this is, and where to go on."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.write(self.templates.get_template("home.html").render(stats=self.stats.counts()))
