"""Early errors: the page for a browser whose request is refused before any of the dashboard's handlers has it."""

from __future__ import annotations

import jinja2
from tornado.httputil import HTTPHeaders, parse_cookie

from handlers.admin.assets import Assets
from handlers.admin.base import PAGE_HEADERS, THEME_COOKIE, asks_for_json, known_theme


class EarlyErrors:
    """Who sends the request is not known yet, and no more of it is read. So the page has no navigation."""

    def __init__(self, templates: jinja2.Environment, assets: Assets) -> None:
        self._templates = templates
        self._assets = assets

    def has_page(self, path: str, headers: HTTPHeaders) -> bool:
        """Whether a person sees the answer: at the dashboard, unless a script asked."""
        path = path.partition("?")[0]
        return (path == "/admin" or path.startswith("/admin/")) and not asks_for_json(headers)

    def page(self, status: int, message: str, request_id: str, headers: HTTPHeaders) -> tuple[dict[str, str], bytes]:
        """The headers that a page has and other answers don't, and its body."""
        page = self._templates.get_template("admin/error.html").render(
            status=status,
            message=message,
            request_id=request_id,
            theme=known_theme(parse_cookie(headers.get("Cookie", "")).get(THEME_COOKIE)),
            asset=self._assets.url,
        )
        return {"Content-Type": "text/html; charset=utf-8", **PAGE_HEADERS}, page.encode()
