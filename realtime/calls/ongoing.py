"""Ongoing: the calls that are ongoing, and who is in them."""

from __future__ import annotations

from models.calls import Call


class OngoingCalls:
    """The calls that are ongoing, and the call that each user is in or is about to be in."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._taken: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._calls

    def find(self, call_id: str) -> Call | None:
        """An ongoing call by its id."""
        return self._calls.get(call_id)

    def of_user(self, user_id: int) -> Call | None:
        """The ongoing call that the user is in."""
        return self._calls.get(self._taken.get(user_id, ""))

    def all(self) -> list[Call]:
        """Every ongoing call."""
        return list(self._calls.values())

    def call_id_of(self, user_id: int) -> str | None:
        """The id of the call that the user is in, or is about to be in."""
        return self._taken.get(user_id)

    def take(self, call: Call) -> None:
        """Reserve both participants for a call that is about to start."""
        self._taken |= dict.fromkeys(call.participants, call.call_id)

    def add(self, call: Call) -> None:
        """A call is ongoing from now on."""
        self._calls[call.call_id] = call
        self.take(call)

    def apply(self, call: Call) -> bool:
        """A call started or ended. Returns whether that was not known yet."""
        if (call.status == "ongoing") == (call.call_id in self._calls):
            return False
        if call.status == "ongoing":
            self.add(call)
        else:
            del self._calls[call.call_id]
            self.free(call)
        return True

    def free(self, call: Call) -> list[int]:
        """Release the participants that this call holds, and return them."""
        held = [user_id for user_id in call.participants if self._taken.get(user_id) == call.call_id]
        for user_id in held:
            del self._taken[user_id]
        return held
