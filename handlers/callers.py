"""Callers: whose request it is, a user's or a backend's, and how much one of them may ask of the server."""

from __future__ import annotations

from collections.abc import Awaitable

from handlers.base import ApiHandler, HandlerContext, is_supported
from handlers.parsing import bearer_token, bearer_tokens
from models.errors import Forbidden, Unauthenticated, Undecided
from models.service_keys import PREFIX, ServiceKey
from models.tokens import Identity
from realtime.limits import Limit
from realtime.ratelimit import Key, Turns
from realtime.sockets.session import Caller

NOT_FOR_KEYS = "A service key is not a user. With a key, call /server/… instead."


class CallerHandler(ApiHandler):
    """A JSON endpoint for callers with a credential. It limits each of them, so that the others are served."""

    def set_up(self, context: HandlerContext) -> None:
        """The first step of every handler's `initialize`."""
        super().set_up(context)
        self._caller: Caller | None = None
        self._turn: tuple[Turns, Key] | None = None

    @property
    def verb(self) -> str:
        """The method that is called, or "" if nobody needs to be identified.

        A preflight has no credential, and a method that is not supported is refused later.
        """
        method = "get" if self.request.method == "HEAD" else str(self.request.method).lower()
        return method if method != "options" and is_supported(type(self), method) else ""

    def admit_user(self, token: str) -> Awaitable[None] | None:
        """Identify a user, then take a turn or wait for one. Raises Unauthenticated, TooMany.

        Nearly always a turn is free. Only a request that has to wait pays for a coroutine.
        """
        authenticator = self.context.authenticator
        try:
            return self._admit_identity(authenticator.identify(token))
        except Undecided:
            return self._admit_later(authenticator.identify_later(token))

    def _admit_identity(self, identity: Identity) -> Awaitable[None] | None:
        limits = self.context.limits
        self._caller = identity
        return self._take_turn(limits.requests, limits.turns, identity.user_id)

    async def _admit_later(self, finding: Awaitable[Identity]) -> None:
        waiting = self._admit_identity(await finding)
        if waiting is not None:
            await waiting

    async def admit_key(self, text: str) -> ServiceKey:
        """Identify a service key, then take a turn or wait for one. Raises Unauthenticated, TooMany."""
        limits = self.context.limits
        key = await self.context.authenticator.key_ring.find_anywhere(text)
        self._caller = key
        waiting = self._take_turn(limits.key_requests, limits.key_turns, key.key_id)
        if waiting is not None:
            await waiting
        return key

    def check_caller(self) -> Caller:
        """Whose request it is. Raises Unauthenticated if the token or the key was revoked meanwhile."""
        assert self._caller is not None, "a request without a caller was refused"
        if self.context.authenticator.is_revoked(self._caller):
            raise Unauthenticated
        return self._caller

    def on_finish(self) -> None:
        """End the turn, so that the next request of the caller has one."""
        super().on_finish()
        if self._turn is not None:
            turns, key = self._turn
            self._turn = None
            turns.leave(key)

    def _take_turn(self, limit: Limit, turns: Turns, key: Key) -> Awaitable[None] | None:
        limit.take(key)
        if not turns.take_free(key):
            return self._await_turn(limit, turns, key)
        self._turn = turns, key
        return None

    async def _await_turn(self, limit: Limit, turns: Turns, key: Key) -> None:
        if not await turns.take(key):
            limit.refuse(key)
        self._turn = turns, key


class UserHandler(CallerHandler):
    """A JSON endpoint for users."""

    accepts_keys = False
    """Whether a service key may call it, too, because it only reads what every user may read."""

    def prepare(self) -> Awaitable[None] | None:
        """Identify the user, then take a turn or wait for one. Raises Unauthenticated, TooMany, and what its base does.

        Raises Forbidden for a service key, unless the endpoint accepts keys.
        """
        super().prepare()
        if not self.verb:
            return None
        credential = bearer_token(self.request)
        return self._admit(credential) if credential.startswith(PREFIX) else self.admit_user(credential)

    async def _admit(self, text: str) -> None:
        await self.admit_key(text)
        if not self.accepts_keys:
            raise Forbidden("FORBIDDEN", NOT_FOR_KEYS)

    def identify(self) -> Identity:
        """The identity that the bearer token states. Raises Unauthenticated if it was revoked meanwhile."""
        caller = self.check_caller()
        assert isinstance(caller, Identity), "a service key was refused"
        return caller


async def refuse_keys(handler: ApiHandler, message: str = NOT_FOR_KEYS) -> None:
    """Refuse a request that was sent with a service key, where no token is needed.

    Raises Forbidden, or Unauthenticated for what is no key or was revoked, and StoreUnavailable.
    """
    for token in bearer_tokens(handler.request):
        if token.startswith(PREFIX):
            await handler.context.authenticator.key_ring.find_anywhere(token)
            raise Forbidden("FORBIDDEN", message)
