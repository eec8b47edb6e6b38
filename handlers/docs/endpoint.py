"""Endpoint: the request, response and errors of one method of one URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from handlers.docs.error_codes import API_ERRORS
from models.service_keys import Scope

Tag = Literal["accounts", "users", "feed", "calls", "server", "health", "documents"]


@dataclass(frozen=True)
class Endpoint:
    """One method of one URL.

    `answer` is a type that is written as JSON, a media type, or None if there is no body. `errors` are the codes that
    do not follow from the other fields: a body or a query can be malformed, a token or a key can be invalid or the
    wrong one, its owner can send too much, a host or an origin can be refused.
    `least_fields` is the minimum number of fields in a body whose fields are all optional.
    """

    tag: Tag
    summary: str
    answer: Any
    body: Any = None
    least_fields: int = 0
    query: Any = None
    path: Any = None
    header: str | None = None
    status: int = 200
    other_status: int | None = None
    """Another status with the same response."""
    errors: tuple[str, ...] = ()
    wants_token: bool = True
    takes_keys: bool = False
    """Whether a service key will do instead of a token."""
    scope: Scope | None = None
    """The scope of the service key that is wanted instead of a token."""
    is_probe: bool = False

    def all_errors(self) -> list[str]:
        """All codes that this endpoint may answer, in the order of API_ERRORS."""
        codes = set(self.errors)
        if self.body or self.query or self.path or self.header:
            codes.add("INVALID_REQUEST")
        if self.wants_token or self.tag == "accounts":
            codes |= {"AUTH_ERROR", "STORE_UNAVAILABLE"}  # a new key is looked up in the store
            if not self.takes_keys:
                codes.add("FORBIDDEN")
        if self.wants_token:
            codes.add("TOO_MANY_REQUESTS")
        if not self.is_probe:
            codes |= {"HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"}
        return [code for code in API_ERRORS if code in codes]
