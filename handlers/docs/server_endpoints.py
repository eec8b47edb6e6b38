"""Server endpoints: the API for backends, for the OpenAPI description and the docs."""

from __future__ import annotations

from functools import partial

from handlers.api.auth import Nothing
from handlers.api.calls import CallEnd, CallsQuery, HistoryQuery
from handlers.docs.endpoint import Endpoint
from handlers.paging import Page
from handlers.server_api.access import TokenRequest
from handlers.server_api.batch import BatchResults, UserBatch
from handlers.server_api.calls import ServerCallStart
from handlers.server_api.user_changes import UserChange
from handlers.server_api.users import ServerUser, ServerUsersQuery
from handlers.user_ids import UserName
from models.accounts import IssuedTokens
from models.calls import Call
from models.status import Status, StatusChange

_USER = ("NOT_FOUND",)

_server = partial(Endpoint, "server")
_of_user = partial(Endpoint, "server", path=UserName)

SERVER_ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/server/users"): _server(
        "List users in the order of their ids", Page[ServerUser], query=ServerUsersQuery, scope="read"
    ),
    ("GET", "/server/users/{id}"): _of_user("Get a user", ServerUser, scope="read", errors=_USER),
    ("PUT", "/server/users/{id}"): _of_user(
        "Update the user with this external id, or create one; 201 if the user is new", ServerUser, body=UserChange,
        scope="write", errors=("USERNAME_TAKEN", *_USER), other_status=201,
    ),
    ("PATCH", "/server/users/{id}"): _of_user(
        "Change a user", ServerUser, body=UserChange, least_fields=1, scope="write", errors=("USERNAME_TAKEN", *_USER)
    ),
    ("DELETE", "/server/users/{id}"): _of_user(
        "Delete a user for good; calls keep the user's id", Nothing, scope="admin", errors=_USER
    ),
    ("POST", "/server/users/batch"): _server(
        "Create and update many users, each by itself, with a result for each", BatchResults, body=UserBatch,
        scope="write",
    ),
    ("POST", "/server/users/{id}/disable"): _of_user(
        "Disable a user: sockets and an ongoing call end, and tokens are refused", ServerUser, body=Nothing,
        scope="admin", errors=_USER,
    ),
    ("POST", "/server/users/{id}/enable"): _of_user(
        "Let a disabled user in again, with new tokens", ServerUser, body=Nothing, scope="admin", errors=_USER
    ),
    ("GET", "/server/users/{id}/status"): _of_user("Get a user's status", Status, scope="read", errors=_USER),
    ("PUT", "/server/users/{id}/status"): _of_user(
        "Change a user's status; it is saved and announced before the response", Status, body=StatusChange,
        least_fields=1, scope="write", errors=("USER_DISABLED", *_USER),
    ),
    ("POST", "/server/users/{id}/token"): _of_user(
        "Issue an access token for a user, or a token pair", IssuedTokens, body=TokenRequest,
        scope="write", errors=("USER_DISABLED", *_USER),
    ),
    ("POST", "/server/users/{id}/revoke_tokens"): _of_user(
        "Revoke all tokens of a user, and close the user's sockets", Nothing, body=Nothing, scope="admin", errors=_USER
    ),
    ("POST", "/server/users/{id}/disconnect"): _of_user(
        "Close all sockets of a user", Nothing, body=Nothing, scope="admin", errors=_USER
    ),
    ("GET", "/server/users/{id}/calls/ongoing"): _of_user(
        "List a user's ongoing call, if there is one", Page[Call], query=CallsQuery, scope="read", errors=_USER
    ),
    ("GET", "/server/users/{id}/calls/history"): _of_user(
        "List a user's calls, newest first; beyond page 100, continue with `before`", Page[Call], query=HistoryQuery,
        scope="read", errors=_USER,
    ),
    ("POST", "/server/calls/start"): _server(
        "Start a call between two users; both are busy and notified before the response", Call, body=ServerCallStart,
        header="Idempotency-Key", scope="write",
        errors=("USER_OFFLINE", "USER_BUSY", "ALREADY_IN_CALL", "USER_DISABLED", "IDEMPOTENCY_KEY_REUSED", *_USER),
    ),
    ("POST", "/server/calls/end"): _server(
        "End a call; ending it again gives the same response", Call, body=CallEnd, scope="write", errors=_USER
    ),
}  # fmt: skip
