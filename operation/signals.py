"""Signals: what asks a running program to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Sent by a hosting platform, by Ctrl-C, and by a terminal that is closed."""


@contextmanager
def stop_signals(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` on this event loop whenever a signal asks the program to stop; afterwards, ignore such signals.

    SIGHUP stays ignored in a process that inherited it so: that is how `nohup` lets a program outlive its terminal.

    The handlers are not asyncio's, which go when the loop closes: another Ctrl-C while Python exits must not raise
    KeyboardInterrupt in the midst of it.
    """
    loop = asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(action)

    numbers = [each for each in _STOP_SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
