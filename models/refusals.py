"""Refusals: why a request is not carried out, as a code for programs and a message for people."""

from __future__ import annotations


class Refusal(Exception):
    """Base of all refusals. `code` is part of the contract, `message` is not."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(Refusal):
    """The server will never understand this."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_REQUEST", message)


class Unauthenticated(Refusal):
    """Nobody the server knows is asking."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__("AUTH_ERROR", message)


class TokenExpired(Unauthenticated):
    """The token was good once: a new one helps."""


class Forbidden(Refusal):
    """This caller may not do this."""


class NotFound(Refusal):
    """There is no such thing."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)


class Conflict(Refusal):
    """It stands against the present state."""


class TooMany(Refusal):
    """Too often. `retry_after` is in whole seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__("TOO_MANY_REQUESTS", message)
        self.retry_after = retry_after


class Overloaded(Refusal):
    """The server has too much to do just now."""

    def __init__(self, message: str) -> None:
        super().__init__("OVERLOADED", message)
