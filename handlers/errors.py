"""Errors: the HTTP status, code and message of each error, and the body that every error is answered with."""

from __future__ import annotations

import msgspec

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

HTTP_STATUS: dict[type[RequestError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Overloaded: 503,
}
"""The only place that maps request errors to HTTP statuses."""

NOTHING_HERE = "There is nothing at this URL."
STORE_UNREACHABLE = "The store cannot be reached. Try again."

BODY_TOO_LARGE = "The body of the request is too large."


class Refused(msgspec.Struct, frozen=True):
    """Why a request was not carried out. `code` is for programs, `message` is for people."""

    code: str
    message: str
    request_id: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every error."""

    error: Refused


def described(error: BaseException | None, status: int) -> tuple[int, str, str]:
    """(HTTP status, code, message) of an error. `status` is Tornado's, for errors that are not our own."""
    if isinstance(error, RequestError):
        status = next(status for type, status in HTTP_STATUS.items() if isinstance(error, type))
        return status, error.code, error.message
    if isinstance(error, StoreUnavailable):
        return 503, "STORE_UNAVAILABLE", STORE_UNREACHABLE
    return status, *_generic(status)


def _generic(status: int) -> tuple[str, str]:
    match status:
        case 404:
            return "NOT_FOUND", NOTHING_HERE
        case 405:
            return "METHOD_NOT_ALLOWED", "This URL does not support the method."
        case 400:
            return "INVALID_REQUEST", "The request could not be read."
        case _ if status < 500:
            return "REFUSED", "The request was refused."
        case _:
            return "SERVER_ERROR", "Something went wrong."
