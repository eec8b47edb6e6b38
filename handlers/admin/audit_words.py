"""Audit words: how the pages say what the audit records. The store, JSON and CSV files keep its own values."""

from __future__ import annotations

from models.audit import AuditEntry
from realtime.dashboard.rows import ACTION_LABELS

AUDIT_LABELS: dict[str, str] = {
    **{str(name): label for name, label in ACTION_LABELS.items()},
    "acknowledge": "Acknowledge issue",
    "take_back": "Take back acknowledgement",
    "operator_sign_in": "Sign in",
    "operator_sign_out": "Sign out",
    "operator_add": "Add operator",
    "operator_role": "Change role",
    "operator_disable": "Disable operator",
    "operator_enable": "Enable operator",
    "operator_reset": "Set operator's password",
    "operator_password": "Change own password",
    "screen_add": "Add screen",
    "screen_open": "Open screen's link",
    "screen_renew": "Make new link for screen",
    "screen_revoke": "Revoke screen",
    "webhook_again": "Send webhooks again",
    "put_users": "Create or change many users",
    "put_user": "Create or change user",
    "create_user": "Create user",
    "change_user": "Change user",
    "set_status": "Set status",
    "issue_tokens": "Issue tokens",
    "start_call": "Start call",
}
"""Everything that the audit records. The words don't say that it was done, because it may have been refused."""

_OUTCOMES = {
    "started": "outcome unknown",
    "waiting": "waiting for the end of the call",
    "superseded": "replaced by a later action",
}

_KINDS = ("refused", "failed")

_CODES = {
    "ACTION_WAITING": "another action is already waiting for the end of the call",
    "ALREADY_IN_CALL": "already on a call",
    "AUTH_ERROR": "the link is not valid",
    "FORBIDDEN": "not allowed",
    "INVALID_REQUEST": "something in it was not valid",
    "NOTHING_TO_DO": "it would have changed nothing",
    "NOT_FOUND": "no longer there",
    "ROLE_TOO_LOW": "the role does not allow it",
    "SCREEN_NAME_TAKEN": "another screen has this name",
    "SERVER_ERROR": "an error in the server",
    "STORE_UNAVAILABLE": "the database could not be reached",
    "TOO_MANY_REQUESTS": "too many refused actions before it",
    "USERNAME_TAKEN": "the name is taken",
    "USER_OFFLINE": "the user is offline",
}
"""Other codes are words already."""


def audit_outcome(outcome: str) -> str:
    """What became of an action: `done`, or `refused: the user is offline`."""
    kind, _, code = outcome.partition(": ")
    if kind not in _KINDS:
        return _OUTCOMES.get(outcome, outcome)
    return f"{kind}: {_CODES.get(code) or code.replace('_', ' ').lower()}"


def is_unchanged(entry: AuditEntry) -> bool:
    """Whether the action has changed nothing, or nothing yet."""
    return entry.outcome == "waiting" or entry.outcome.partition(": ")[0] in _KINDS
