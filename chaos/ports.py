"""Ports: unused ports of this machine, for servers that are started as programs."""

from __future__ import annotations

import contextlib
import secrets
import socket


def free_port() -> int:
    """An unused port, outside the range from which the kernel takes ports for outgoing connections."""
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
