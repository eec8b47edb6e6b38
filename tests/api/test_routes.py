"""Routes: the short way to a handler leads to the same one as trying all patterns in order."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application, _HandlerDelegate

from handlers.application import RollcallApplication
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


class Connection:
    """The part of a connection that a request needs."""

    context = None


async def test_a_path_leads_to_the_first_route_that_matches_it(server: RunningServer) -> None:
    application = server.server._http.request_callback
    assert isinstance(application, RollcallApplication)
    paths = list(application._by_path)
    assert len(paths) > 30
    for path in (*paths, "/users/7/presence", "/docs/protocol", "/nothing", "/openapiXjson"):
        request = HTTPServerRequest(
            connection=Connection(),  # type: ignore[arg-type]
            start_line=RequestStartLine("GET", path, "HTTP/1.1"),
            headers=HTTPHeaders({"Host": "localhost"}),
        )
        quick, slow = application.find_handler(request), Application.find_handler(application, request)
        assert isinstance(quick, _HandlerDelegate)
        assert vars(quick) == vars(slow), path
