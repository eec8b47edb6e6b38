"""Errors: the ways in which a request can fail."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be reached in time: answer 503, and the client tries again later.

    A write that ends this way may or may not have been applied; the next read shows which. The message contains no
    credentials.
    """


class UnusableStore(Exception):
    """The store holds something that Rollcall did not write, or cannot be set up. The message says what to do."""


class Outdated(Exception):
    """Another writer has changed the document since it was read, so this write changed nothing."""


class RequestError(Exception):
    """Base of the errors that a request can cause. `code` is part of the contract, `message` is not."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(RequestError):
    """The request is malformed. Sending it again unchanged won't help."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_REQUEST", message)


class Unauthenticated(RequestError):
    """The request has no valid credentials."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__("AUTH_ERROR", message)


class TokenExpired(Unauthenticated):
    """The token was valid once; a new one will work."""


class Undecided(Unauthenticated):
    """Memory alone does not tell whose the credentials are. Something that is read may tell."""


class Forbidden(RequestError):
    """The caller is not allowed to do this."""


class NotFound(RequestError):
    """What the request refers to does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)


class Conflict(RequestError):
    """The request conflicts with the current state."""


class TooMany(RequestError):
    """Too many requests. `retry_after` is in whole seconds. `setting` is what to raise, for the log."""

    def __init__(self, message: str, *, retry_after: int, setting: str = "") -> None:
        super().__init__("TOO_MANY_REQUESTS", message)
        self.retry_after = retry_after
        self.setting = setting


class Overloaded(RequestError):
    """The server has too much to do right now."""

    def __init__(self, message: str) -> None:
        super().__init__("OVERLOADED", message)
