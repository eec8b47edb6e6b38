"""Endpoints: the request, response and errors of each URL, for the OpenAPI description and the docs."""

from __future__ import annotations

from typing import Any

from handlers.api.auth import Credentials, Nothing, RefreshBody, Registration, Ticket
from handlers.api.calls import CallEnd, CallsQuery, CallStart, HistoryQuery
from handlers.api.feed import FeedQuery, StatsQuery
from handlers.api.health import Alive, Ready
from handlers.api.own_account import AccountDeletion, PasswordReplacement
from handlers.api.users import OwnProfile, PresenceQuery, ProfileChange
from handlers.docs.endpoint import Endpoint, Tag
from handlers.docs.server_endpoints import SERVER_ENDPOINTS
from handlers.paging import Page
from handlers.user_ids import OtherUser
from models.accounts import TokenPair
from models.calls import Call
from models.status import Status, StatusChange
from realtime.protocol import FeedCounts

JSON, HTML, TEXT, ANY = "application/json", "text/html", "text/plain", "*/*"

_STORE = ("STORE_UNAVAILABLE",)
_SIGN_IN = ("PASSWORDS_CLOSED", "TOO_MANY_REQUESTS", "OVERLOADED", "STORE_UNAVAILABLE")


def _open(tag: Tag, summary: str, answer: Any, **rest: Any) -> Endpoint:
    """An endpoint that requires no token."""
    return Endpoint(tag, summary, answer, wants_token=False, **rest)


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/auth/register"): _open(
        "accounts", "Register a new user; answers with the first tokens", TokenPair, body=Registration, status=201,
        errors=("REGISTRATION_CLOSED", "USERNAME_TAKEN", *_SIGN_IN),
    ),
    ("POST", "/auth/login"): _open(
        "accounts", "Log in with username and password", TokenPair, body=Credentials, errors=("AUTH_ERROR", *_SIGN_IN)
    ),
    ("POST", "/auth/refresh"): _open(
        "accounts", "Get a new token pair; using a refresh token again after a minute revokes its login", TokenPair,
        body=RefreshBody, errors=("AUTH_ERROR", "TOO_MANY_REQUESTS", *_STORE),
    ),
    ("POST", "/auth/logout"): Endpoint(
        "accounts", "Log out: revoke this login's tokens and close its sockets", Nothing, body=Nothing, errors=_STORE
    ),
    ("POST", "/auth/ticket"): Endpoint("accounts", "Get a ticket that opens one socket", Ticket, body=Nothing),
    ("GET", "/users/me"): Endpoint("users", "Get your profile", OwnProfile),
    ("PATCH", "/users/me"): Endpoint(
        "users", "Change your profile; the change is announced to everyone", OwnProfile, body=ProfileChange,
        least_fields=1, errors=("NOT_FOUND", "USERNAME_TAKEN", *_STORE),
    ),
    ("DELETE", "/users/me"): Endpoint(
        "users", "Delete your account for good; asks for the password if you have one", None, body=AccountDeletion,
        status=204, errors=("WRONG_PASSWORD", *_SIGN_IN),
    ),
    ("PUT", "/users/me/password"): Endpoint(
        "users", "Change your password; your other logins end", Nothing, body=PasswordReplacement,
        errors=("WRONG_PASSWORD", "PASSWORD_NOT_SET", *_SIGN_IN),
    ),
    ("GET", "/users/me/status"): Endpoint("users", "Get your status", Status),
    ("PUT", "/users/me/status"): Endpoint(
        "users", "Change your status; it is saved and announced before the response", Status, body=StatusChange,
        least_fields=1, errors=_STORE,
    ),
    ("POST", "/users/me/heartbeat"): Endpoint("users", "Send a heartbeat; it brings you online", Status, body=Nothing),
    ("GET", "/users/presence"): Endpoint(
        "users", "Get the statuses of several users, in the order of the request", list[Status], query=PresenceQuery,
        takes_keys=True,
    ),
    ("GET", "/users/{id}/presence"): Endpoint(
        "users", "Get a user's status", Status, path=OtherUser, errors=("NOT_FOUND",), takes_keys=True
    ),
    ("GET", "/feed/users"): Endpoint(
        "feed", "List all users: available, then busy, then offline, each group by newest `last_seen`", Page[Status],
        query=FeedQuery, takes_keys=True,
    ),
    ("GET", "/feed/stats"): Endpoint(
        "feed", "Get the numbers of users and calls", FeedCounts, query=StatsQuery, takes_keys=True
    ),
    ("POST", "/calls/start"): Endpoint(
        "calls", "Start a call; both participants are busy and notified before the response", Call, body=CallStart,
        header="Idempotency-Key",
        errors=("NOT_FOUND", "USER_OFFLINE", "USER_BUSY", "ALREADY_IN_CALL", "IDEMPOTENCY_KEY_REUSED", *_STORE),
    ),
    ("POST", "/calls/end"): Endpoint(
        "calls", "End a call; ending it again gives the same response", Call, body=CallEnd,
        errors=("NOT_FOUND", "NOT_A_PARTICIPANT", *_STORE),
    ),
    ("GET", "/calls/ongoing"): Endpoint(
        "calls", "List your ongoing call, if there is one", Page[Call], query=CallsQuery
    ),
    ("GET", "/calls/history"): Endpoint(
        "calls", "List your calls, newest first; beyond page 100, continue with `before`", Page[Call],
        query=HistoryQuery, errors=("NOT_FOUND", *_STORE),
    ),
    **SERVER_ENDPOINTS,
    ("GET", "/healthz"): _open("health", "Check that the process is alive", Alive, is_probe=True),
    ("GET", "/readyz"): _open(
        "health", "Check that the store is reachable and the server is not shutting down", Ready, is_probe=True,
        errors=("STORE_UNAVAILABLE", "OVERLOADED"),
    ),
    ("GET", "/metrics"): _open("health", "Get metrics in Prometheus' text format", TEXT),
    ("GET", "/"): _open("documents", "The home page", HTML),
    ("GET", "/static/rollcall-client.tgz"): _open("documents", "The JavaScript client as a package for npm", ANY),
    ("GET", "/static/{path}"): _open(
        "documents", "Styles, scripts and images of the pages", ANY, path=str, errors=("NOT_FOUND",)
    ),
    ("GET", "/docs"): _open("documents", "The first page of the documentation", HTML),
    ("GET", "/docs/{path}"): _open("documents", "A page of the documentation", ANY, path=str, errors=("NOT_FOUND",)),
    ("GET", "/openapi.json"): _open("documents", "The HTTP API as OpenAPI 3.1", JSON),
    ("GET", "/asyncapi.json"): _open("documents", "The sockets as AsyncAPI 3", JSON),
}  # fmt: skip
