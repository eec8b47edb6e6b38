"""Base of the handlers: JSON requests, JSON answers and JSON errors."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import structlog
from tornado.web import HTTPError, RequestHandler

from handlers.errors import NOTHING_HERE, ErrorAnswer, Refused, described
from handlers.logs import short
from handlers.origins import Origins, headers_to_read
from handlers.parsing import parse_body, parse_query
from handlers.request_ids import new_request_id
from handlers.traffic import Traffic
from models.addresses import address_key
from models.errors import NotFound, Overloaded, RequestError, StoreUnavailable, TooMany
from realtime.limits import Limits
from realtime.sockets.authenticator import Authenticator
from settings import Settings

T = TypeVar("T")

_log = structlog.stdlib.get_logger("rollcall.http")
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class HandlerContext:
    """What every handler needs."""

    authenticator: Authenticator
    origins: Origins
    traffic: Traffic
    limits: Limits
    settings: Settings


class ApiHandler(RequestHandler):
    """A JSON endpoint."""

    answers_head = True
    """Whether HEAD works where GET does. An upgrade to a WebSocket can only be asked for by GET."""

    limiting_setting = ""
    """What to raise if a limit has refused the request."""

    def set_up(self, context: HandlerContext) -> None:
        """The first step of every handler's `initialize`."""
        self.context = context
        self.is_counted = False
        if self.request.method == "HEAD" and is_supported(type(self), "HEAD"):
            self.head = self.get  # Tornado leaves out the body

    def set_default_headers(self) -> None:
        """Tornado calls this first, and again before it writes an error."""
        self.request_id = getattr(self, "request_id", None) or new_request_id()
        self.clear_header("Server")
        self.set_header("X-Request-Id", self.request_id)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        origin = getattr(self, "allowed_origin", None)
        if origin is not None:
            self._let_read(origin)

    def prepare(self) -> Awaitable[None] | None:
        """Count the request and check its origin, before any method. Raises Overloaded while the server drains."""
        self.context.traffic.requests += 1
        self.is_counted = True
        self.check_origins()
        if self.context.traffic.draining:
            raise Overloaded("The server is shutting down. Try again.")
        return None

    def flush(self, include_footers: bool = False) -> Future[None]:
        """Send what was written. While the server drains, the client learns that the connection ends."""
        if self.context.traffic.draining and self.get_status() != 101:
            self.set_header("Connection", "close")
        return super().flush(include_footers)

    def on_finish(self) -> None:
        """The answer has been written."""
        self.context.traffic.requests -= self.is_counted
        stream = getattr(self.request.connection, "stream", None)  # an upgraded connection has none
        if stream is not None and stream.writing():
            self.context.traffic.answering.add(stream)

    def check_origins(self) -> None:
        """Refuse web pages from other origins, and let pages from allowed ones read the answer. Raises Forbidden."""
        self.context.origins.check(self.request)
        self.allowed_origin = self.request.headers.get("Origin")
        if self.allowed_origin is not None:
            self._let_read(self.allowed_origin)

    def _let_read(self, origin: str) -> None:
        for name, value in headers_to_read(origin).items():
            self.set_header(name, value)

    def check_xsrf_cookie(self) -> None:
        """Requests are authenticated by a bearer token, not by a cookie. No other site can make a browser send it."""

    def check_trusted_origin(self, origin: str) -> bool:
        """`check_origins` decides by our settings, which Tornado does not know."""
        return True

    def options(self, *_: str) -> None:
        """Answer a CORS preflight of a page from an allowed origin."""
        self.set_header("Access-Control-Allow-Methods", ", ".join(self.SUPPORTED_METHODS))
        self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
        self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    @property
    def address_key(self) -> str:
        """The key under which limits count the client's address."""
        return address_key(self.context.origins.address(self.request))

    def read_body(self, type: type[T]) -> T:
        """The body as a value. Raises Invalid."""
        return parse_body(self.request, type)

    def read_query(self, type: type[T]) -> T:
        """The query as a value. Raises Invalid."""
        return parse_query(self.request, type)

    def answer(self, value: Any, status: int = 200) -> None:
        """Write a value as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.write(_encoder.encode(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error with its code, its message and the request's id, and nothing else."""
        self.write_refusal(*self.settle_error(status_code, kwargs.get("exc_info", (None, None))[1]))

    def settle_error(self, status_code: int, error: BaseException | None) -> tuple[str, str]:
        """Set the status and headers for an error, and return its code and message."""
        status, code, message = described(error, status_code)
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", str(self.context.settings.retry_after_seconds))
        if isinstance(error, TooMany):
            self.set_header("Retry-After", str(error.retry_after))
            self.limiting_setting = error.setting
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if status == 405:
            self.set_header("Allow", ", ".join(_allowed_methods(type(self))))
        return code, message

    def write_refusal(self, code: str, message: str) -> None:
        """Write the body of an error and finish the answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(_encoder.encode(ErrorAnswer(Refused(code, message, self.request_id))))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a traceback for unexpected errors only, and never the request itself, which contains the token."""
        if not isinstance(value, RequestError | StoreUnavailable | HTTPError):
            _log.error(
                "unexpected error",
                request_id=self.request_id,
                method=short(str(self.request.method)),
                path=short(self.request.path),
                exc_info=(typ, value, tb),
            )


class NotFoundHandler(ApiHandler):
    """Any URL without a route."""

    def initialize(self, context: HandlerContext) -> None:
        """The route passes the collaborators."""
        self.set_up(context)

    def prepare(self) -> None:
        """Refuse every method. Raises NotFound."""
        super().prepare()
        raise NotFound(NOTHING_HERE)


def _allowed_methods(handler: type[ApiHandler]) -> list[str]:
    """The methods that a 405 has to list (RFC 9110 §15.5.6)."""
    return [each for each in handler.SUPPORTED_METHODS if is_supported(handler, each)]


def is_supported(handler: type[ApiHandler], method: str) -> bool:
    """Whether a handler has a method."""
    unknown = RequestHandler._unimplemented_method  # noqa: SLF001  (Tornado offers no public way to tell)
    if method == "HEAD":
        return handler.answers_head and handler.get is not unknown
    return getattr(handler, method.lower()) is not unknown
