"""Application: Tornado's, which finds most handlers by the path alone."""

from __future__ import annotations

from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application


class RollcallApplication(Application):
    """Tornado tries one pattern after the other, which costs a request some 30 µs with as many routes as ours."""

    def __init__(self, routes: list[URLSpec], **settings: Any) -> None:
        super().__init__(routes, **settings)
        self._by_path = {spec.reverse(): spec for spec in reversed(routes) if not spec.regex.groups}
        """The routes whose pattern matches a single path."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:  # type: ignore[override]
        """The handler of the request's path."""
        spec = self._by_path.get(request.path)
        if spec is None:
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, spec.target, spec.kwargs)
