"""Cut off: a server that cannot reach the shared log, while others can, sends its clients to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from operation.lease_keeper import LeaseKeeper
from realtime.cluster.node import Node
from realtime.sockets.admission import Admission
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.cut_off")


class CutOff:
    """Watches for how long this server has not reached the log.

    If no server reaches it, there is nowhere to send the clients, so they stay. The others say in the store whether
    they reach it.
    """

    def __init__(
        self,
        settings: Settings,
        node: Node,
        lease_keeper: LeaseKeeper,
        admission: Admission,
        send_away: Callable[[], Awaitable[None]],
        reopen: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._node = node
        self._lease_keeper = lease_keeper
        self._admission = admission
        self._send_away = send_away
        self._reopen = reopen
        self._seen: dict[str, int] = {}
        """The renewals of the other servers that reached the log, at the last check."""

    async def check(self) -> None:
        """To be called as often as leases are renewed. Raises StoreUnavailable."""
        if self._node.cut_off_seconds == 0.0:
            if self._admission.is_cut_off:
                _log.info("the shared log can be reached again: this server accepts clients")
                self._admission.is_cut_off = False
                self._reopen()
            self._seen = {}
            return
        others = await self._lease_keeper.others_with_log()
        others_reach_it = any(renewals > self._seen.get(server, renewals) for server, renewals in others.items())
        self._seen = others
        is_long = self._node.cut_off_seconds >= self._settings.cut_off_seconds
        if is_long and others_reach_it and not self._admission.is_cut_off:
            _log.warning("cut off from the shared log, which others reach: clients are sent to them")
            self._admission.is_cut_off = True
            await self._send_away()
