"""What a store raises beyond pymongo's own errors."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be reached in time: answer 503 and try later.

    A write that ends so may have been applied or not; the next read tells. The message names no credentials.
    """


class RequestError(Exception):
    """Base of all refusals. `code` is part of the contract, `message` is not."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(RequestError):
    """The server will never understand this."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_REQUEST", message)


class Unauthenticated(RequestError):
    """Nobody the server knows is asking."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__("AUTH_ERROR", message)


class TokenExpired(Unauthenticated):
    """The token was good once: a new one helps."""


class Forbidden(RequestError):
    """This caller may not do this."""


class NotFound(RequestError):
    """There is no such thing."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)


class Conflict(RequestError):
    """It stands against the present state."""


class TooMany(RequestError):
    """Too often. `retry_after` is in whole seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__("TOO_MANY_REQUESTS", message)
        self.retry_after = retry_after


class Overloaded(RequestError):
    """The server has too much to do just now."""

    def __init__(self, message: str) -> None:
        super().__init__("OVERLOADED", message)
