"""The real server, which also counts what operators cost its event loop. It is run as a `TalkingChild`.

Run it with `python -m benchmarks.timed`. Settings come from environment variables, as usual. It answers each line on
stdin with what it has counted since the previous line.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec

from operation.cli.command import with_secret
from operation.serving import serve
from operation.settings_reader import read_settings
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview_feed import OverviewFeed

_TIMED: dict[tuple[type, str], str] = {
    (OverviewFeed, "update"): "making_seconds",
    (OperatorSessions, "tick"): "ticking_seconds",
    (OperatorSessions, "admit"): "admitting_seconds",
    (OperatorSessions, "overview"): "admitting_seconds",
}
"""The methods that do the work for operators, and the field that counts the time of each."""


class Counted(msgspec.Struct):
    """What is counted. Seconds are CPU time of the event loop's thread."""

    updates: int = 0
    """The number of updates, each built once for all operators."""
    making_seconds: float = 0.0
    ticking_seconds: float = 0.0
    """Includes `making_seconds`."""
    admitting_seconds: float = 0.0
    """The time to make overviews and to admit operators, who go on from them."""


class TimedServer:
    """The server in this process, and what has been counted for it."""

    def __init__(self) -> None:
        self._counted = Counted()
        for (owner, name), field in _TIMED.items():
            setattr(owner, name, self._timed(getattr(owner, name), field))

    async def serve(self) -> None:
        """Run the server until SIGTERM, answering lines on stdin."""
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._answer)
        await serve(with_secret(read_settings(os.environ)), demo=False)

    def _timed(self, method: Callable[..., Any], field: str) -> Callable[..., Any]:
        @wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            answer = method(*args, **kwargs)
            setattr(self._counted, field, getattr(self._counted, field) + time.thread_time() - began)
            if field == "making_seconds" and answer is not None:
                self._counted.updates += 1
            return answer

        return timed

    def _answer(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        line = msgspec.json.encode({"event": "counted"} | msgspec.structs.asdict(self._counted))
        os.write(sys.stdout.fileno(), line + b"\n")
        self._counted = Counted()


if __name__ == "__main__":
    asyncio.run(TimedServer().serve())
