"""Listening: the sockets that the server accepts connections on, even when it runs out of open files."""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from typing import Any

import structlog
from tornado.netutil import bind_sockets

from settings import Settings, SettingsError, flag, variable

STRETCH_SECONDS = 0.003
"""How long connections are accepted before everything else gets a turn. Tornado would take 128."""

LOG_SECONDS = 60.0
"""A server that is out of files logs it this often."""

_log = structlog.stdlib.get_logger("rollcall.listening")


class ListeningSocket(socket.socket):
    """Accepts a few connections at a time, and turns them away while there is no file descriptor for them.

    Tornado would leave such a connection in the kernel's queue, which wakes the loop at once, again and again, with a
    traceback each time. Instead, one file is kept open in reserve; it is closed to accept and close the connection.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._family, self._type = listening.family, listening.type
        super().__init__(fileno=listening.detach())
        self.setblocking(False)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Linux passes it on to accepted connections
        self._reserve = os.open(os.devnull, os.O_RDONLY)
        """Less than 0 while another thread has taken its place."""
        self._logged_at = -LOG_SECONDS
        self._began: float | None = None
        """When the first connection was accepted since the loop last had other work to do."""

    @property
    def family(self) -> socket.AddressFamily:
        """The family, which Python would look up in its enumeration for each connection."""
        return self._family

    @property
    def type(self) -> socket.SocketKind:
        """The same of the kind."""
        return self._type

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError if there is none, no file descriptor for it, or no time for it.

        If others wait, the loop calls again after it has done everything else.
        """
        now = time.monotonic()
        if self._began is None:
            self._began = now
        elif now - self._began > STRETCH_SECONDS:
            self._began = None
            raise BlockingIOError(errno.EAGAIN, "other work first")
        try:
            return super().accept()
        except OSError as error:
            self._began = None
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self._turn_away()
        raise BlockingIOError(errno.EAGAIN, "no file for another connection")

    def close(self) -> None:
        """Close the reserve too."""
        self._close_reserve()
        super().close()

    def _turn_away(self) -> None:
        self._close_reserve()
        with suppress(OSError):  # the client has left, or another thread has opened a file meanwhile
            super().accept()[0].close()
        with suppress(OSError):
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        if time.monotonic() - self._logged_at >= LOG_SECONDS:
            self._logged_at = time.monotonic()
            _log.warning("no more files to open; new connections are turned away")

    def _close_reserve(self) -> None:
        """Close the reserve only once: its number may be that of another file afterwards."""
        reserve, self._reserve = self._reserve, -1
        if reserve >= 0:
            os.close(reserve)


def open_listening_sockets(settings: Settings) -> list[ListeningSocket]:
    """A socket for each address of the host in the settings, all on one port. Raises SettingsError."""
    return _opened(settings, "port", reuse_port=settings.reuse_port)


def open_probe_sockets(settings: Settings) -> list[ListeningSocket]:
    """The same on the port for probes, or none if the settings ask for none. Raises SettingsError."""
    return _opened(settings, "probe_port") if settings.probe_port or settings.reuse_port else []


def _opened(settings: Settings, name: str, *, reuse_port: bool = False) -> list[ListeningSocket]:
    port = getattr(settings, name)
    try:
        sockets = bind_sockets(port, settings.host, backlog=settings.listen_backlog, reuse_port=reuse_port)
    except (OSError, UnicodeError) as error:
        raise SettingsError([_why(settings, name, error)]) from error
    if not sockets:
        raise SettingsError([f"this machine has no IPv6, so it cannot listen on {settings.host}; {_OTHER_HOST}"])
    return [ListeningSocket(each) for each in sockets]


_OTHER_HOST = "set ROLLCALL_HOST or --host to an address of this machine, such as 127.0.0.1"


def _why(settings: Settings, name: str, error: OSError | UnicodeError) -> str:
    """Why the server cannot listen on the port in a setting, and what to set."""
    port, to_set = getattr(settings, name), f"set {variable(name)} or {flag(name)}"
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"the host {settings.host!r} does not resolve to an address; {_OTHER_HOST}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use; {to_set}"
        case errno.EACCES | errno.EPERM:
            return f"port {port} needs the rights of root; {to_set} to 1024 or higher"
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return f"{settings.host} is not an address of this machine; {_OTHER_HOST}"
    return f"cannot listen on {settings.host}, port {port}: {error.strerror}; set ROLLCALL_HOST and {variable(name)}"
