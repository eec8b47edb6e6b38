"""JwksServer: serves an issuer's keys over HTTP or HTTPS, and counts how often it is asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.testing import bind_unused_port

from tests.certificate import Certificate


class JwksServer:
    """Answers every request with `document`, or with a failure."""

    def __init__(self, document: Any, certificate: Certificate | None = None) -> None:
        self.document = document
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hold: asyncio.Event | None = None
        """Answers wait for this event."""
        self.asked: list[str] = []
        """The URIs that were asked for."""
        tls = None
        if certificate is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate.certificate, certificate.key)
        self._scheme = "http" if certificate is None else "https"
        self._tls = tls
        socket, self.port = bind_unused_port()
        socket.close()
        self._server: HTTPServer | None = None

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self.port}/jwks.json"

    def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = HTTPServer(self._asked, ssl_options=self._tls)
        self._server.listen(self.port, "127.0.0.1")

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None

    def _asked(self, request: HTTPServerRequest) -> None:
        self.asked.append(str(request.uri))
        asyncio.ensure_future(self._answer(request))  # noqa: RUF006  (the server outlives it)

    async def _answer(self, request: HTTPServerRequest) -> None:
        if self.hold is not None:
            await self.hold.wait()
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        assert request.connection is not None, "a request came over a connection"
        headers = HTTPHeaders({"Content-Length": str(len(body)), **self.headers})
        await request.connection.write_headers(ResponseStartLine("HTTP/1.1", self.status, "Status"), headers, body)
        request.connection.finish()
