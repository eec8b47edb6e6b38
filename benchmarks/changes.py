"""A steady load of changes: users who turn busy and free again over REST while something else is measured."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.failure import BenchmarkError

_LINKS = 4
"""The largest number of requests in progress at the same time."""

_REQUEST_SECONDS = 10.0


class Changes:
    """A context manager that makes `per_second` changes while it is entered; the users of `tokens` take turns."""

    def __init__(self, port: int, tokens: Sequence[str], per_second: float) -> None:
        self._port = port
        self._per_second = per_second
        self._ended = threading.Event()
        self._failures: list[str] = []
        self._done = [0] * _LINKS
        self._threads = [
            threading.Thread(target=self._go_on, args=(place, tokens[place::_LINKS])) for place in range(_LINKS)
        ]
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def rate(self) -> float:
        """Return the changes per second so far. Raises BenchmarkError if a request failed or the rate is too low."""
        if self._failures:
            raise BenchmarkError(self._failures[0])
        rate = sum(self._done) / (time.monotonic() - self._began)
        if rate < 0.95 * self._per_second:
            raise BenchmarkError(f"only {rate:.0f} of {self._per_second:.0f} changes per second were made")
        return rate

    def _go_on(self, place: int, tokens: Sequence[str]) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_REQUEST_SECONDS)
        busy = False
        try:
            while not self._ended.is_set():
                busy = not busy
                for token in tokens:
                    due = self._began + (self._done[place] + place / _LINKS) * _LINKS / self._per_second
                    if self._ended.wait(max(0.0, due - time.monotonic())):
                        return
                    ask(link, "PUT", "/users/me/status", token, {"is_busy": busy})
                    self._done[place] += 1
        except (OSError, http.client.HTTPException, BenchmarkError) as error:
            self._failures.append(f"PUT /users/me/status: {error!r}")
        finally:
            link.close()


def bring_online(port: int, tokens: Sequence[str]) -> None:
    """Send a heartbeat for each user, which keeps the user online for 90 s."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_REQUEST_SECONDS)
    for token in tokens:
        ask(link, "POST", "/users/me/heartbeat", token)
    link.close()


def ask(link: http.client.HTTPConnection, method: str, path: str, token: str, body: object = None) -> None:
    """Send one request. Raises BenchmarkError if the status of the response isn't 200."""
    link.request(method, path, json.dumps(body) if body else None, {"Authorization": f"Bearer {token}"})
    response = link.getresponse()
    answer = response.read()
    if response.status != 200:
        raise BenchmarkError(f"{response.status} {answer[:200].decode(errors='replace')}")
