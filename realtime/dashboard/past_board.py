"""Past board: who was in which state, and on a call with whom, at one moment.

It begins with the rows of a checkpoint. Then come the events after the checkpoint, and what is known of users who were
created or deleted since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from models.calls import CallType
from models.checkpoints import PastCall, PastUser
from models.events import Event
from models.status import State
from models.times import milliseconds
from realtime.dashboard.rows import Figures

_STATES: Mapping[str, State] = {"available": "available", "busy": "busy", "offline": "offline"}


class PastBoard:
    """The users and the ongoing calls at the moment `at`, in milliseconds since 1970."""

    def __init__(self, at: datetime, users: Iterable[PastUser], calls: Iterable[PastCall]) -> None:
        self.at = milliseconds(at)
        self.users = {user.user_id: user for user in users}
        self._calls = {call.call_id: call for call in calls}

    def apply(self, event: Event) -> None:
        """Take over what an event tells of. Those after the moment are passed over.

        Events come in the order of their ids. The clocks of several servers differ a little, so their times need not
        be in order.
        """
        at = milliseconds(event.at)
        if at > self.at:
            return
        state = _STATES.get(event.kind)
        if state is not None:
            self._change(event, state, at)
        elif event.kind == "call_started" and event.other_id is not None:
            call_type: CallType = "video" if event.cause == "video" else "audio"
            self._calls[event.call_id] = PastCall(event.call_id, event.user_id, event.other_id, call_type, at)
        elif event.kind == "call_ended":
            self._calls.pop(event.call_id, None)

    def add_created(self, created: Iterable[tuple[int, datetime]]) -> None:
        """Users, each with the time of their creation. Those who had not been seen yet were offline."""
        for user_id, created_at in created:
            at = milliseconds(created_at)
            if at <= self.at and user_id not in self.users:
                self.users[user_id] = PastUser(user_id, "offline", at, "never")

    def remove_deleted(self, deleted: Mapping[int, datetime]) -> None:
        """Users who were deleted, each with the time. Those who were deleted before the moment are not shown."""
        for user_id, at in deleted.items():
            if milliseconds(at) <= self.at:
                self.users.pop(user_id, None)

    def calls(self) -> list[PastCall]:
        """The ongoing calls, the longest first."""
        return sorted(self._calls.values(), key=lambda call: call.started_at)

    def calls_by_user(self) -> dict[int, PastCall]:
        """The call that each user was in."""
        return {user_id: call for call in self.calls() for user_id in (call.caller_id, call.callee_id)}

    def figures(self) -> Figures:
        """The figures. What needed attention is not known."""
        counts = dict.fromkeys(_STATES, 0)
        for user in self.users.values():
            counts[user.state] += 1
        return Figures(counts["available"], counts["busy"], counts["offline"], len(self._calls), 0)

    def _change(self, event: Event, state: State, at: int) -> None:
        before = self.users.get(event.user_id)
        if before is None or before.state != state:
            self.users[event.user_id] = PastUser(event.user_id, state, at, event.cause, event.operator)
