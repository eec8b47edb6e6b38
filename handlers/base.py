"""Base of the handlers: JSON in, JSON and JSON errors out, identity."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import structlog
from tornado.web import HTTPError, RequestHandler

from handlers.origins import Origins
from models.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    RequestError,
    StoreUnavailable,
    TooMany,
    Unauthenticated,
)
from models.tokens import Identity
from realtime.sockets.authenticator import Authenticator

T = TypeVar("T")

HTTP_STATUS: dict[type[RequestError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Overloaded: 503,
}
"""The one place that gives refusals their HTTP status."""

_log = structlog.stdlib.get_logger("rollcall.http")
_encoder = msgspec.json.Encoder()


@dataclass
class Traffic:
    """What is under way, so that a drain can wait for it."""

    requests: int = 0
    sockets: int = 0


@dataclass(frozen=True)
class HandlerContext:
    """What every handler needs."""

    authenticator: Authenticator
    origins: Origins
    traffic: Traffic
    retry_after_seconds: int
    page_limit: int
    page_default: int


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: Sequence[T]
    page: int
    per_page: int
    total: int
    has_next: bool


PAGE_MAXIMUM = 1_000_000

PageSize = Annotated[
    int,
    msgspec.Meta(extra_json_schema={"minimum": 1, "x-settings": {"maximum": "page_limit", "default": "page_default"}}),
]


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a list is wanted."""

    page: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": PAGE_MAXIMUM})] = 1
    per_page: PageSize | msgspec.UnsetType = msgspec.UNSET


class Refused(msgspec.Struct, frozen=True):
    """Why a request was not carried out. Programs go by `code`; `message` is for people."""

    code: str
    message: str
    request_id: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    """What every error answers."""

    error: Refused


class ApiHandler(RequestHandler):
    """A JSON endpoint."""

    def set_up(self, context: HandlerContext) -> None:
        """What each handler's `initialize` begins with; the route gives it its collaborators."""
        self.context = context
        self.is_counted = False

    def set_default_headers(self) -> None:
        """Called first of all, and again before an error is written."""
        self.request_id = getattr(self, "request_id", None) or secrets.token_hex(8)
        self.clear_header("Server")
        self.set_header("X-Request-Id", self.request_id)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        origin = getattr(self, "allowed_origin", None)
        if origin is not None:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Vary", "Origin")

    def prepare(self) -> Awaitable[None] | None:
        """Before any verb."""
        self.context.traffic.requests += 1
        self.is_counted = True
        self.check_origins()
        return None

    def on_finish(self) -> None:
        """After the answer is written."""
        self.context.traffic.requests -= self.is_counted

    def check_origins(self) -> None:
        """Refuse a request from a page that may not ask; let one that may read the answer. Raises Forbidden."""
        self.context.origins.check(self.request)
        self.allowed_origin = self.request.headers.get("Origin")
        self.set_default_headers()

    def check_xsrf_cookie(self) -> None:
        """No cookie says who asks here; a bearer token does, and no other site can make a browser send it."""

    def check_trusted_origin(self, origin: str) -> bool:
        """`check_origins` decides, by the settings, which Tornado does not know."""
        return True

    def options(self, *_: str) -> None:
        """A browser asks what a page of an allowed origin may send."""
        self.set_header("Access-Control-Allow-Methods", ", ".join(self.SUPPORTED_METHODS))
        self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
        self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    def identify(self) -> Identity:
        """Who asks, by the bearer token. Raises Unauthenticated."""
        headers = self.request.headers.get_list("Authorization")
        scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Give an access token: Authorization: Bearer …")
        return self.context.authenticator.identify(token)

    def read(self, shape: type[T]) -> T:
        """The body as a value. Raises Invalid, which names the field."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=shape)
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
            raise Invalid(_in_words(error)) from None

    def query(self, shape: type[T]) -> T:
        """The query as a value. Raises Invalid, also for keys that nobody knows or that come twice."""
        values: dict[str, str] = {}
        for key, given in self.request.query_arguments.items():
            if len(given) > 1:
                raise Invalid(f"{key} is given more than once")
            try:
                values[key] = given[0].decode()
            except UnicodeDecodeError:
                raise Invalid(f"{key} is not UTF-8") from None
        try:
            return msgspec.convert(values, shape, strict=False)
        except (msgspec.MsgspecError, OverflowError) as error:
            raise Invalid(_in_words(error)) from None

    def span(self, query: PageQuery) -> tuple[int, int]:
        """(items to skip, items wanted) of a page. Raises Invalid."""
        per_page = self.context.page_default if query.per_page is msgspec.UNSET else query.per_page
        if not 1 <= per_page <= self.context.page_limit:
            raise Invalid(f"per_page is between 1 and {self.context.page_limit}")
        if not 1 <= query.page <= PAGE_MAXIMUM:
            raise Invalid(f"page is between 1 and {PAGE_MAXIMUM}")
        return (query.page - 1) * per_page, per_page

    def answer(self, value: Any, status: int = 200) -> None:
        """Write a value as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.write(_encoder.encode(value))

    def answer_page(self, items: Sequence[Any], total: int, query: PageQuery) -> None:
        """Write one page of a list."""
        skip, per_page = self.span(query)
        self.answer(Page(items, query.page, per_page, total, skip + len(items) < total))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error leaves here: a code, a message, the request's id, and nothing else."""
        self.write_refusal(*self.settle_error(status_code, kwargs.get("exc_info", (None, None))[1]))

    def settle_error(self, status_code: int, error: BaseException | None) -> tuple[str, str]:
        """Set the status and the headers that an error has; its (code, message)."""
        code, message = _generic(status_code)
        if isinstance(error, RequestError):
            code, message = error.code, error.message
            self.set_status(next(status for kind, status in HTTP_STATUS.items() if isinstance(error, kind)))
        elif isinstance(error, StoreUnavailable):
            code, message = "STORE_UNAVAILABLE", "The store cannot be reached, try again"
            self.set_status(503)
        if self.get_status() == 503:
            self.set_header("Retry-After", str(self.context.retry_after_seconds))
        if isinstance(error, TooMany):
            self.set_header("Retry-After", str(error.retry_after))
        if self.get_status() == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if self.get_status() == 405:
            self.set_header("Allow", ", ".join(self.allowed_methods()))
        return code, message

    def write_refusal(self, code: str, message: str) -> None:
        """The body of an error, and the end of the answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(_encoder.encode(ErrorAnswer(Refused(code, message, self.request_id))))

    def allowed_methods(self) -> list[str]:
        """What RFC 9110 §15.5.6 wants told to who asked by another."""
        unknown = RequestHandler._unimplemented_method  # noqa: SLF001  (Tornado has no other way to tell)
        return [each for each in self.SUPPORTED_METHODS if getattr(type(self), each.lower()) is not unknown]

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Only what nobody expected is worth a traceback; the request itself, with its token, never is printed."""
        if not isinstance(value, RequestError | StoreUnavailable | HTTPError):
            _log.error(
                "unexpected error",
                request_id=self.request_id,
                method=self.request.method,
                path=self.request.path,
                exc_info=(typ, value, tb),
            )


class NotFoundHandler(ApiHandler):
    """Any URL that no route has."""

    def initialize(self, context: HandlerContext) -> None:
        """Collaborators come from the route."""
        self.set_up(context)

    def prepare(self) -> None:
        """Refuse, whatever the verb."""
        super().prepare()
        raise NotFound("There is nothing at this URL")


def _generic(status: int) -> tuple[str, str]:
    match status:
        case 404:
            return "NOT_FOUND", "There is nothing at this URL"
        case 405:
            return "METHOD_NOT_ALLOWED", "This URL does not know that method"
        case 400:
            return "INVALID_REQUEST", "The request could not be read"
        case _ if status < 500:
            return "REFUSED", "The request was refused"
        case _:
            return "SERVER_ERROR", "Something went wrong"


def _in_words(error: Exception) -> str:
    """msgspec's words name the field and say what was expected; those of other errors may be anything."""
    return str(error) if isinstance(error, msgspec.MsgspecError) else "Invalid JSON"
