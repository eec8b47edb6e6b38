"""Listening: a listening socket that outlives the want of open files."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

import structlog

LOG_SECONDS = 60.0
"""A server that is out of files says so this often."""

_log = structlog.stdlib.get_logger("rollcall.listening")


class ListeningSocket(socket.socket):
    """Turns connections away while there is no file for them.

    Tornado leaves such a connection in the kernel's queue, where it wakes the loop again at once: a busy loop, with a
    traceback each time. One file is kept in reserve; in its place the connection is accepted and closed.
    """

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(fileno=listening.detach())
        self.setblocking(False)
        self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._logged_at = -LOG_SECONDS

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError when there is none, or no file for it."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self._turn_away()
        raise BlockingIOError(errno.EAGAIN, "no file for another connection")

    def close(self) -> None:
        """Let go of the reserve too."""
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        super().close()

    def _turn_away(self) -> None:
        os.close(self._reserve)
        try:
            super().accept()[0].close()
        finally:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        if time.monotonic() - self._logged_at >= LOG_SECONDS:
            self._logged_at = time.monotonic()
            _log.warning("no more files to open; new connections are turned away")
