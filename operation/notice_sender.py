"""Notice sender: tells the other servers through the store what they must know even while Redis is down."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from models.notices import Notices
from realtime.core import Core
from realtime.presence.log import Revocation


class NoticeSender:
    """Posts notices, which every server reads. Nobody waits for them."""

    def __init__(self, notices: Notices, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._notices = notices
        self._spawn = spawn

    def follow(self, core: Core) -> None:
        """Tell the others what happens in this core from now on."""
        core.authenticator.tell_others = self._tell_of_revocation
        core.operator_sessions.tell_others = self._tell_of_operator
        core.acknowledgements.tell_others = self._tell_of_acknowledgements

    def _tell_of_revocation(self, revoked: Revocation) -> None:
        """Tokens were revoked: those of a user, or those of a login."""
        self._spawn(
            self._notices.post("user_revoked", revoked.user_id, revoked.token_version, login_id=revoked.kept_login)
            if revoked.user_id
            else self._notices.post("login_revoked", login_id=revoked.login_id, seconds=revoked.seconds)
        )

    def _tell_of_operator(self, operator_id: int, sign_in_id: str) -> None:
        """The sessions of an operator, or of one sign-in, end."""
        self._spawn(
            self._notices.post("sign_in_ended", login_id=sign_in_id)
            if sign_in_id
            else self._notices.post("operator_changed", operator_id, operator_id)
        )

    def _tell_of_acknowledgements(self) -> None:
        """Operators deal with other issues than before."""
        self._spawn(self._notices.post("acknowledgements_changed"))
