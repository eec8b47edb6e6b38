"""Api: what each URL takes, answers and refuses, as OpenAPI and the docs tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from handlers.api.auth import Credentials, Nothing, RefreshBody, Registration, Ticket
from handlers.api.calls import CallEnd, CallsQuery, CallStart
from handlers.api.feed import FeedQuery
from handlers.api.health import Alive, Ready
from handlers.api.users import OwnProfile, PresenceQuery, ProfileChange
from handlers.base import Page
from models.accounts import TokenPair
from models.calls import Call
from models.status import Status, StatusChange
from realtime.protocol import FeedCounts, UserId

JSON, HTML, TEXT, ANY = "application/json", "text/html", "text/plain", "*/*"

Tag = Literal["accounts", "users", "feed", "calls", "health", "documents"]

ERRORS: dict[str, tuple[int, str]] = {
    "INVALID_REQUEST": (400, "it will never be understood: form, type, unknown field, a call to oneself"),
    "AUTH_ERROR": (401, "no token, or none that is good; on sign-in, a wrong name or password"),
    "REGISTRATION_CLOSED": (403, "a setting closes registration"),
    "NOT_A_PARTICIPANT": (403, "only who is in a call ends it"),
    "ROLE_TOO_LOW": (403, "dashboard: the operator's role does not reach so far"),
    "HOST_NOT_ALLOWED": (403, "the server does not go by the name in `Host`"),
    "ORIGIN_NOT_ALLOWED": (403, "pages of that origin may not ask"),
    "NOT_FOUND": (404, "no such user, call or URL"),
    "METHOD_NOT_ALLOWED": (405, "this URL does not know the method; see `Allow`"),
    "USERNAME_TAKEN": (409, "names are unique, whatever their case"),
    "USER_OFFLINE": (409, "the callee is offline"),
    "USER_BUSY": (409, "the callee is busy"),
    "ALREADY_IN_CALL": (409, "the caller is in a call"),
    "IDEMPOTENCY_KEY_REUSED": (409, "the key was used for another call"),
    "NOTHING_TO_DO": (409, "dashboard: the action would change nothing"),
    "UNKNOWN_OUTCOME": (409, "dashboard: the server ended during the action; look how it is now"),
    "OWN_ACCOUNT": (409, "dashboard: who disables an admin is another admin"),
    "LAST_ADMIN": (409, "dashboard: the last admin can be neither disabled nor given another role"),
    "TOO_MANY_REQUESTS": (429, "too many failed sign-ins, or refused credentials; see `Retry-After`"),
    "SERVER_ERROR": (500, "the server's mistake"),
    "STORE_UNAVAILABLE": (503, "the store cannot be reached; see `Retry-After`"),
    "OVERLOADED": (503, "too many sign-ins at once, or the server drains; see `Retry-After`"),
}
"""Error codes: their HTTP status, and when they come."""

_STORE = ("STORE_UNAVAILABLE",)
_SIGN_IN = ("TOO_MANY_REQUESTS", "OVERLOADED", "STORE_UNAVAILABLE")


@dataclass(frozen=True)
class Endpoint:
    """One verb of one URL.

    `answer` is a type, written as JSON, or else a media type. `errors` are the codes beyond those that follow from
    the rest: a body or a query can be malformed, a token can be bad, a host or origin can be refused. `least_fields`
    is how many fields of a body must be there when none of them has to.
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
    errors: tuple[str, ...] = ()
    wants_token: bool = True
    is_probe: bool = False

    def all_errors(self) -> list[str]:
        """Every code it may answer, in the order of the table of errors."""
        codes = set(self.errors)
        if self.body or self.query or self.path or self.header:
            codes.add("INVALID_REQUEST")
        if self.wants_token:
            codes.add("AUTH_ERROR")
        if not self.is_probe:
            codes |= {"HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"}
        return [code for code in ERRORS if code in codes]


def _open(tag: Tag, summary: str, answer: Any, **rest: Any) -> Endpoint:
    """An endpoint that asks for no token."""
    return Endpoint(tag, summary, answer, wants_token=False, **rest)


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/auth/register"): _open(
        "accounts", "A new account, and its first tokens", TokenPair, body=Registration, status=201,
        errors=("REGISTRATION_CLOSED", "USERNAME_TAKEN", "OVERLOADED", *_STORE),
    ),
    ("POST", "/auth/login"): _open(
        "accounts", "Tokens for a name and its password", TokenPair, body=Credentials, errors=("AUTH_ERROR", *_SIGN_IN)
    ),
    ("POST", "/auth/refresh"): _open(
        "accounts", "A new pair; the second use of a refresh token ends its login", TokenPair, body=RefreshBody,
        errors=("AUTH_ERROR", *_STORE),
    ),
    ("POST", "/auth/logout"): Endpoint(
        "accounts", "End this login: its tokens die, its sockets close", Nothing, body=Nothing, errors=_STORE
    ),
    ("POST", "/auth/ticket"): Endpoint("accounts", "A single-use ticket for one socket", Ticket, body=Nothing),
    ("GET", "/users/me"): Endpoint("users", "The own profile", OwnProfile),
    ("PATCH", "/users/me"): Endpoint(
        "users", "Change the own profile; everyone is told", OwnProfile, body=ProfileChange, least_fields=1,
        errors=("NOT_FOUND", "USERNAME_TAKEN", *_STORE),
    ),
    ("GET", "/users/me/status"): Endpoint("users", "The own status", Status),
    ("PUT", "/users/me/status"): Endpoint(
        "users", "Change the own status; it is saved, then announced, then answered", Status, body=StatusChange,
        least_fields=1, errors=_STORE,
    ),
    ("POST", "/users/me/heartbeat"): Endpoint("users", "A sign of life: brings the user online", Status, body=Nothing),
    ("GET", "/users/presence"): Endpoint(
        "users", "The statuses of several users, in the order asked", list[Status], query=PresenceQuery
    ),
    ("GET", "/users/{id}/presence"): Endpoint(
        "users", "One user's status", Status, path=UserId, errors=("NOT_FOUND",)
    ),
    ("GET", "/feed/users"): Endpoint(
        "feed", "Everyone: available, busy, offline, each by the newest `last_seen`", Page[Status], query=FeedQuery
    ),
    ("GET", "/feed/stats"): Endpoint("feed", "The figures", FeedCounts),
    ("POST", "/calls/start"): Endpoint(
        "calls", "Start a call: both are busy, and told so, before the answer", Call, body=CallStart,
        header="Idempotency-Key",
        errors=("NOT_FOUND", "USER_OFFLINE", "USER_BUSY", "ALREADY_IN_CALL", "IDEMPOTENCY_KEY_REUSED", *_STORE),
    ),
    ("POST", "/calls/end"): Endpoint(
        "calls", "End a call; ending twice answers the same", Call, body=CallEnd,
        errors=("NOT_FOUND", "NOT_A_PARTICIPANT", *_STORE),
    ),
    ("GET", "/calls/ongoing"): Endpoint(
        "calls", "The call the caller is in, as a list of one or none", Page[Call], query=CallsQuery
    ),
    ("GET", "/calls/history"): Endpoint(
        "calls", "The caller's calls, newest first", Page[Call], query=CallsQuery, errors=_STORE
    ),
    ("GET", "/healthz"): _open("health", "The process answers, so it is alive", Alive, is_probe=True),
    ("GET", "/readyz"): _open(
        "health", "The store is reachable and the server is not draining", Ready, is_probe=True,
        errors=("STORE_UNAVAILABLE", "OVERLOADED"),
    ),
    ("GET", "/metrics"): _open("health", "Prometheus' text format", TEXT),
    ("GET", "/"): _open("documents", "A page for people", HTML),
    ("GET", "/static/{path}"): _open("documents", "What pages are made of", ANY, path=str, errors=("NOT_FOUND",)),
    ("GET", "/docs"): _open("documents", "Where the documents begin", HTML),
    ("GET", "/docs/{path}"): _open("documents", "One document", ANY, path=str, errors=("NOT_FOUND",)),
    ("GET", "/openapi.json"): _open("documents", "The HTTP API, as OpenAPI 3.1", JSON),
    ("GET", "/asyncapi.json"): _open("documents", "The sockets, as AsyncAPI 3", JSON),
}  # fmt: skip
