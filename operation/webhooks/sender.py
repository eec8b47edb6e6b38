"""Sender: sends one webhook over HTTP, and says whether it was received."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from urllib.parse import unquote, urlsplit, urlunsplit

import structlog
from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient

from models.webhook_batches import StoredBatch
from operation.webhooks.signature import signature_headers
from settings import Settings, webhook_keys

USER_AGENT = "Rollcall-Webhooks"

_STATUS_LINE = re.compile(r"HTTP/1\.[01] (\d{3})")

_log = structlog.stdlib.get_logger("rollcall.webhooks")


class Sender:
    """Sends to the receiver, one webhook at a time.

    It is received once the headers of a 2xx have come within the deadline. The rest of the answer is ignored. Neither
    redirects nor proxies of the environment are followed.
    """

    def __init__(self, settings: Settings, unix_now: Callable[[], float]) -> None:
        parts = urlsplit(settings.webhook_url)
        host = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = None if parts.username is None else unquote(parts.password or "")
        self._keys = webhook_keys(settings.webhook_secret)
        self._ca_file = settings.webhook_ca_file or None
        self._deadline_seconds = settings.webhook_deadline_seconds
        self._unix_now = unix_now
        self._client = SimpleAsyncHTTPClient(
            force_instance=True, max_clients=1, max_body_size=settings.webhook_response_bytes
        )

    async def send(self, batch: StoredBatch) -> str:
        """Send a batch. Returns "" if it was received, or else what went wrong, in words that name no secret."""
        status: list[int] = []

        def note_header(line: str) -> None:
            if found := _STATUS_LINE.match(line):
                status[:] = [int(found[1])]

        headers = signature_headers(self._keys, batch.webhook_id, int(self._unix_now()), batch.body)
        request = HTTPRequest(
            self._url,
            method="POST",
            headers={**headers, "Content-Type": "application/json", "User-Agent": USER_AGENT},
            body=batch.body.encode(),
            auth_username=self._user,
            auth_password=self._password,
            connect_timeout=self._deadline_seconds,
            request_timeout=self._deadline_seconds,
            follow_redirects=False,
            decompress_response=False,
            header_callback=note_header,
            streaming_callback=_ignore,
            ca_certs=self._ca_file,
        )
        try:
            response = await self._client.fetch(request, raise_error=False)
            status[:] = [response.code]
        except Exception as error:
            if not status:
                return self._reason(error)
        return _failure(status[0])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _reason(self, error: Exception) -> str:
        """What went wrong. The texts of errors of the resolver and of TLS name no more than the host."""
        match error:
            case HTTPTimeoutError():
                return f"no answer within {self._deadline_seconds:g} s"
            case HTTPStreamClosedError():
                return "the connection was closed before an answer came"
            case ssl.SSLError():
                return (
                    f"TLS: {error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason}"
                )
            case socket.gaierror():
                return "the host name cannot be resolved"
            case OSError():
                return error.strerror or type(error).__name__
        _log.debug("a webhook could not be sent", error=type(error).__name__)
        return type(error).__name__


def _failure(status: int) -> str:
    if 200 <= status < 300:
        return ""
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    return f"HTTP {status}{hint}"


def _ignore(_chunk: bytes) -> None:
    """The body of an answer means nothing."""
