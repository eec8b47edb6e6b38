"""The real server, which also times each change from the request's arrival until the last socket has been sent it.

It is run as a `TalkingChild`, by its path, so that it can also time the server of another folder on PYTHONPATH.
Settings come from environment variables, as usual. It answers each line on stdin with the times since the previous
line.
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
from tornado.httputil import HTTPServerRequest

from operation.cli.command import with_secret
from operation.serving import serve
from operation.settings_reader import read_settings
from realtime.presence.writeback import WriteBack
from realtime.sockets.fanout import FanOut


class TracedServer:
    """The server in this process, and what it took for each change. There must be one request at a time."""

    def __init__(self) -> None:
        self._arrived = 0.0
        self._saving = 0.0
        self._changes: list[float] = []
        self._patch(HTTPServerRequest, "__init__", self._noting_arrival)
        self._patch(WriteBack, "save_claims", self._timing_the_save)
        self._patch(FanOut, "_send_slice", self._noting_the_end)

    async def serve(self) -> None:
        """Run the server until SIGTERM, answering lines on stdin."""
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._answer)
        await serve(with_secret(read_settings(os.environ)), demo=False)

    def _patch(self, owner: type, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        method = getattr(owner, name)
        setattr(owner, name, wraps(method)(make(method)))

    def _noting_arrival(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            self._arrived, self._saving = time.perf_counter(), 0.0
            return method(*args, **kwargs)

        return noted

    def _timing_the_save(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            answer = await method(*args, **kwargs)
            self._saving += time.perf_counter() - began
            return answer

        return timed

    def _noting_the_end(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(fan_out: FanOut, flush: Any) -> Any:
            answer = method(fan_out, flush)
            if flush.cursor >= len(flush.recipients):
                self._changes.append(time.perf_counter() - self._arrived - self._saving)
            return answer

        return noted

    def _answer(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        os.write(sys.stdout.fileno(), msgspec.json.encode({"event": "traced", "seconds": self._changes}) + b"\n")
        self._changes = []


if __name__ == "__main__":
    asyncio.run(TracedServer().serve())
