"""Waiting actions: actions of operators that wait for the end of a call. They are kept in the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, cast

import msgspec

from models.audit import AuditEntry
from models.calls import Call
from models.direction import in_sentence
from models.errors import Conflict, RequestError, StoreUnavailable
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock, Timers
from realtime.dashboard.rows import ACTION_LABELS, ActionName
from realtime.presence.registry import Registry

RETRY_SECONDS = 2.0
TRIES = 30
"""How often an action is tried while the store is down: for a minute. After that it has failed."""


class AuditStore(Protocol):
    """The part of the audit log that is needed here."""

    async def wait(self, entry_id: str, call_id: str) -> None: ...
    async def claim(self, entry_id: str) -> bool: ...
    async def waiting(self) -> list[AuditEntry]: ...
    async def finish(self, entry_id: str, *, outcome: str, after: str) -> None: ...


class WaitingAction(msgspec.Struct, frozen=True):
    """An action on a user that waits for the end of the user's call. `entry_id` is its entry in the audit log."""

    entry_id: str
    action: ActionName
    user_id: int
    call_id: str
    operator: str
    before: str


CarryOut = Callable[[WaitingAction], Awaitable[str]]
"""Carries out an action and returns a description of its target afterwards."""


class WaitingActions:
    """At most one for each user. Each ends with an outcome in the audit log, also over a restart of the server.

    Servers that share the audit log all know the actions that wait. The first one to claim an action carries it out.
    """

    def __init__(
        self,
        audit: AuditStore,
        registry: Registry,
        calls: OngoingCalls,
        clock: Clock,
        timers: Timers,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        is_shared: bool,
    ) -> None:
        self._audit = audit
        self._registry = registry
        self._calls = calls
        self._clock = clock
        self._timers = timers
        self._spawn = spawn
        self._is_shared = is_shared
        self._waiting: dict[int, WaitingAction] = {}
        self._busy: set[int] = set()
        """Users whose action is being saved or carried out."""
        self._claimed: set[str] = set()
        """Shared actions that this server has begun and not ended."""

    def describe(self, user_id: int) -> str:
        """The action that waits for the end of the user's call, such as “force offline, by maya”, or an empty text."""
        waiting = self._waiting.get(user_id)
        return f"{waiting.action.replace('_', ' ')}, by {in_sentence(waiting.operator)}" if waiting else ""

    async def add(self, waiting: WaitingAction, carry_out: CarryOut) -> None:
        """Let an action wait. Raises Conflict if another one waits for the same user, and StoreUnavailable."""
        user_id = waiting.user_id
        first = self._waiting.get(user_id)
        if first is not None:
            action, operator = ACTION_LABELS[first.action], in_sentence(first.operator)
            raise Conflict("ACTION_WAITING", f"“{action}”, by {operator}, is already waiting for the end of this call.")
        self._put(waiting)
        self._busy.add(user_id)
        try:
            await self._audit.wait(waiting.entry_id, waiting.call_id)
        except BaseException:
            self._remove(waiting)
            # The write may have reached the store. The action must not come back at the next start.
            self._spawn(self.end(waiting, "refused: STORE_UNAVAILABLE", waiting.before))
            raise
        finally:
            self._busy.discard(user_id)
        self._check(waiting, carry_out)

    def call_ended(self, call: Call, carry_out: CarryOut) -> None:
        """Carry out what waited for the end of this call."""
        for user_id in call.participants:
            waiting = self._waiting.get(user_id)
            if waiting is not None:
                self._check(waiting, carry_out)

    async def restore(self, carry_out: CarryOut) -> None:
        """At start, after the calls were restored: take over what waits in the store. Raises StoreUnavailable."""
        for entry in await self._audit.waiting():
            waiting = _from_audit(entry)
            if not entry.call_id:  # an older server did not note the call, and forgot the action when it stopped
                await self.end(waiting, "failed: SERVER_STOPPED", waiting.before)
            elif waiting.user_id in self._waiting:
                await self.end(waiting, "superseded", waiting.before)
            else:
                self._put(waiting)
                self._check(waiting, carry_out)

    async def follow(self, carry_out: CarryOut) -> None:
        """Take over what waits on other servers, and forget what they have ended. Raises StoreUnavailable."""
        known = [each for each in self._waiting.values() if not self._is_underway(each)]
        stored = {entry.entry_id: entry for entry in await self._audit.waiting()}
        for waiting in known:
            is_still_known = self._waiting.get(waiting.user_id) is waiting and not self._is_underway(waiting)
            if is_still_known and waiting.entry_id not in stored:
                self._remove(waiting)
        for entry in stored.values():
            waiting = _from_audit(entry)
            if waiting.user_id not in self._waiting and entry.entry_id not in self._claimed:
                self._put(waiting)
                self._check(waiting, carry_out)

    async def take(self, user_id: int, action: ActionName) -> WaitingAction | None:
        """Remove an action that an operator carries out now instead. It has to be ended or put back.

        Raises StoreUnavailable.
        """
        waiting = self._waiting.get(user_id)
        if waiting is None or waiting.action != action or user_id in self._busy:
            return None
        self._busy.add(user_id)
        try:
            is_ours = await self._claim(waiting)
        finally:
            self._busy.discard(user_id)
        self._timers.cancel(_retry_key(waiting))
        self._remove(waiting)
        return waiting if is_ours else None

    def put_back(self, waiting: WaitingAction, carry_out: CarryOut) -> None:
        """The opposite of `take`."""
        self._put(waiting)
        if self._is_shared:
            self._spawn(self._wait_again(waiting, carry_out))
        else:
            self._check(waiting, carry_out)

    async def end(self, waiting: WaitingAction, outcome: str, after: str) -> None:
        """Record the outcome in the audit log. While the store is down, this is tried again and again."""
        try:
            await self._audit.finish(waiting.entry_id, outcome=outcome, after=after)
        except StoreUnavailable:
            self._later(("audit", waiting.entry_id), lambda: self.end(waiting, outcome, after))
        else:
            self._claimed.discard(waiting.entry_id)

    async def _wait_again(self, waiting: WaitingAction, carry_out: CarryOut) -> None:
        try:
            await self._audit.wait(waiting.entry_id, waiting.call_id)
        except StoreUnavailable:
            self._later(("audit", waiting.entry_id), lambda: self._wait_again(waiting, carry_out))
            return
        self._claimed.discard(waiting.entry_id)
        self._check(waiting, carry_out)

    async def _claim(self, waiting: WaitingAction) -> bool:
        """Whether this server is the one to carry the action out. Raises StoreUnavailable."""
        if not self._is_shared or waiting.entry_id in self._claimed:
            return True
        if not await self._audit.claim(waiting.entry_id):
            return False
        self._claimed.add(waiting.entry_id)
        return True

    def _is_underway(self, waiting: WaitingAction) -> bool:
        return waiting.user_id in self._busy or waiting.entry_id in self._claimed

    def _put(self, waiting: WaitingAction) -> None:
        self._waiting[waiting.user_id] = waiting
        self._registry.changed.add(waiting.user_id)

    def _remove(self, waiting: WaitingAction) -> None:
        del self._waiting[waiting.user_id]
        self._registry.changed.add(waiting.user_id)

    def _check(self, waiting: WaitingAction, carry_out: CarryOut) -> None:
        """Carry the action out if its user is in no call, unless that has been tried before and will be again."""
        is_started = waiting.user_id in self._busy or _retry_key(waiting) in self._timers
        if not is_started and self._calls.of_user(waiting.user_id) is None:
            self._busy.add(waiting.user_id)
            self._spawn(self._try(waiting, carry_out, TRIES))

    async def _try(self, waiting: WaitingAction, carry_out: CarryOut, tries: int) -> None:
        """A user who has begun another call is left alone until its end."""
        self._busy.add(waiting.user_id)
        try:
            if self._calls.of_user(waiting.user_id) is not None:
                return
            if not await self._claim(waiting):
                self._remove(waiting)
                return
            outcome, after = "done", await carry_out(waiting)
        except RequestError as error:
            outcome, after = f"refused: {error.code}", waiting.before
        except StoreUnavailable:
            if tries > 1:
                self._later(_retry_key(waiting), lambda: self._try(waiting, carry_out, tries - 1))
                return
            outcome, after = "failed: STORE_UNAVAILABLE", waiting.before
        except Exception:
            self._remove(waiting)
            await self.end(waiting, "failed: SERVER_ERROR", waiting.before)
            raise
        finally:
            self._busy.discard(waiting.user_id)
        self._remove(waiting)
        await self.end(waiting, outcome, after)

    def _later(self, key: tuple[str, str], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._timers.at(self._clock.now() + RETRY_SECONDS, key, lambda: self._spawn(work()))


def _from_audit(entry: AuditEntry) -> WaitingAction:
    user_id = int(entry.target.removeprefix("user:"))
    action = cast("ActionName", entry.action)
    return WaitingAction(entry.entry_id, action, user_id, entry.call_id, entry.operator, entry.before)


def _retry_key(waiting: WaitingAction) -> tuple[str, str]:
    return "waiting action", waiting.entry_id
