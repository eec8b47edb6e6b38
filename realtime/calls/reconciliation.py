"""Reconciliation: brings the calls in the log into line with the store, which has every call."""

from __future__ import annotations

from models.calls import Call
from realtime.calls.call_store import CallStore
from realtime.calls.switchboard import Switchboard
from realtime.presence.engine import Presence


class Reconciliation:
    """Needed at a server's start, after a server has died, and after the log has lost entries."""

    def __init__(self, call_store: CallStore, presence: Presence, switchboard: Switchboard) -> None:
        self._call_store = call_store
        self._presence = presence
        self._switchboard = switchboard
        self._ongoing = switchboard.ongoing

    async def run(self) -> None:
        """Resume calls that only the store knows, and give up those that are over there. Raises StoreUnavailable."""
        while await self._resume_all():  # a call may have ended while it was resumed
            pass

    async def _resume_all(self) -> bool:
        """Returns whether a call was resumed."""
        stored = {call.call_id: call for call in await self._call_store.recover()}
        missing = [call for call in stored.values() if not self._is_known(call)]
        for call in missing:
            await self._switchboard.resume(call)
        known = {call.call_id for call in self._ongoing.all()} | self._presence.call_ids()
        for call_id in sorted(known - stored.keys()):
            await self._give_up(call_id)
        return bool(missing)

    def _is_known(self, call: Call) -> bool:
        """Whether this server knows a call, and its participants are held by it."""
        users = [user for user in map(self._presence.registry.find, call.participants) if user]
        return call.call_id in self._ongoing and all(user.claims.call_id == call.call_id for user in users)

    async def _give_up(self, call_id: str) -> None:
        """Release those who are held by a call, unless it has started since."""
        call = await self._call_store.get(call_id)
        if call is not None and call.status == "ongoing":
            return
        if call is not None and call_id in self._ongoing:
            await self._switchboard.finish(call)
        await self._presence.give_up_call(call_id)
