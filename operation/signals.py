"""Signals: what asks a running program to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A hosting platform's, Ctrl-C's, and a closed terminal's."""


def on_signals(numbers: Iterable[signal.Signals], action: Callable[[], object]) -> None:
    """Call `action` on this event loop whenever one of the signals arrives.

    SIGHUP stays ignored in a process that inherited it so: that is how `nohup` lets a program outlive its terminal.

    The handlers are the process's, not the loop's: they stay when the loop has ended, so that another Ctrl-C at that
    moment does nothing instead of raising KeyboardInterrupt in whatever is being cleaned up.
    """
    loop = asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(action)

    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
