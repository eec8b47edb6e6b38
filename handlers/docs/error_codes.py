"""Error codes: the HTTP status and the meaning of each, for the OpenAPI description and the docs."""

from __future__ import annotations

API_ERRORS: dict[str, tuple[int, str]] = {
    "INVALID_REQUEST": (400, "malformed request, or a call to yourself; don't retry unchanged"),
    "AUTH_ERROR": (
        401,
        "the token or key is missing or invalid; when logging in, the username or password is wrong",
    ),
    "PASSWORDS_CLOSED": (403, "passwords are turned off by a setting"),
    "REGISTRATION_CLOSED": (403, "registration is turned off by a setting"),
    "WRONG_PASSWORD": (403, "the password in the body is not the password of your account"),
    "PASSWORD_NOT_SET": (403, "your account has no password"),
    "FORBIDDEN": (403, "a service key where only users are served, a token where a key is needed, or a scope too low"),
    "NOT_A_PARTICIPANT": (403, "only a participant can end a call"),
    "HOST_NOT_ALLOWED": (403, "the server does not answer to the name in `Host`"),
    "ORIGIN_NOT_ALLOWED": (403, "web pages from this origin are not allowed"),
    "NOT_FOUND": (404, "no such user, call or URL"),
    "METHOD_NOT_ALLOWED": (405, "the URL does not support this method; see `Allow`"),
    "USERNAME_TAKEN": (409, "the username is taken; case does not matter"),
    "USER_OFFLINE": (409, "the callee is offline"),
    "USER_BUSY": (409, "the callee is busy"),
    "ALREADY_IN_CALL": (409, "the caller is already on a call"),
    "USER_DISABLED": (409, "the user is disabled"),
    "IDEMPOTENCY_KEY_REUSED": (409, "the key was already used for a different call"),
    "BODY_TOO_LARGE": (
        413,
        "the body has more than 64 KiB (`ROLLCALL_BODY_LIMIT_BYTES`), or 1 MiB in a batch",
    ),
    "TOO_MANY_REQUESTS": (429, "too many requests, sockets, registrations or logins; see `Retry-After`"),
    "SERVER_ERROR": (500, "an unexpected error in the server"),
    "STORE_UNAVAILABLE": (503, "the store cannot be reached; see `Retry-After`"),
    "OVERLOADED": (503, "too many logins at once, or the server is stopping or cut off from Redis; see `Retry-After`"),
}
"""What the API answers: the HTTP status of each code, and its meaning."""

DASHBOARD_ERRORS: dict[str, tuple[int, str]] = {
    "ROLE_TOO_LOW": (403, "your role does not allow this"),
    "NOTHING_TO_DO": (409, "the action would change nothing"),
    "TOO_MANY_TAGS": (409, "the user already has 20 tags"),
    "ACTION_WAITING": (409, "another action already waits for the end of this user's call"),
    "SUPERSEDED": (409, "this action waited, and the same action has been carried out since"),
    "UNKNOWN_OUTCOME": (409, "the server stopped during the action; check the current state, then start a new action"),
    "OWN_ACCOUNT": (409, "you cannot disable your own account"),
    "LAST_ADMIN": (409, "the last admin cannot be disabled or given another role"),
    "SCREEN_NAME_TAKEN": (409, "there is already a screen with this name; case does not matter"),
    "TOO_MANY_SCREENS": (409, "there are already as many screens as `ROLLCALL_SCREENS_LIMIT` allows"),
}
"""What the dashboard answers in addition."""
